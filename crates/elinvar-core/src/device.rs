//! Where networks are computed.

use crate::error::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// Where the forward and backward passes of networks are computed. Everything else is computed on the processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Device {
    /// The processor, by passes of our own: the same bits with any number of threads.
    #[default]
    Cpu,
    /// The processor, by Burn's operations: slower, there to compare with.
    Flex,
    /// The graphics card of this number, through Vulkan. Results agree with the processor's within rounding.
    Vulkan(usize),
    /// The graphics card of this number, through CUDA; likewise.
    Cuda(usize),
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Flex => f.write_str("flex"),
            Self::Vulkan(index) => write!(f, "vulkan:{index}"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

impl FromStr for Device {
    type Err = Error;

    /// `cpu`, `flex`, `vulkan`, `vulkan:1`, `cuda`, `cuda:1`.
    fn from_str(text: &str) -> Result<Self> {
        let (kind, index) = text.split_once(':').unwrap_or((text, "0"));
        match (kind, index.parse()) {
            ("cpu", Ok(0)) => Ok(Self::Cpu),
            ("flex", Ok(0)) => Ok(Self::Flex),
            ("vulkan", Ok(index)) => Ok(Self::Vulkan(index)),
            ("cuda", Ok(index)) => Ok(Self::Cuda(index)),
            _ => Err(Error::parameter("device", "one of 'cpu', 'flex', 'vulkan', 'vulkan:1', 'cuda', 'cuda:1'", format!("'{text}'"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for device in [Device::Cpu, Device::Flex, Device::Vulkan(0), Device::Vulkan(3), Device::Cuda(1)] {
            assert_eq!(device.to_string().parse::<Device>().unwrap(), device);
        }
        assert_eq!("cuda".parse::<Device>().unwrap(), Device::Cuda(0));
        for bad in ["", "gpu", "vulkan:", "vulkan:-1", "cpu:2", "cuda:x"] {
            assert!(bad.parse::<Device>().is_err(), "{bad}");
        }
    }
}
