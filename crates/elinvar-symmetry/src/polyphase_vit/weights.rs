//! Weights that were trained elsewhere.

use elinvar_core::{Context, Error, Result};
use elinvar_data::read_members;
use elinvar_nn::{NamedArrays, Parameters};
use std::path::Path;

/// Names that a message lists.
const NAMED: usize = 4;

/// Copies the arrays of a file (.safetensors, .npz) whose names and shapes are those of the network; the others keep their start.
///
/// # Errors
/// A file that cannot be read, or that has none of the arrays.
pub(super) fn copy_matching(path: &Path, parameters: &mut Parameters<f32>, ctx: &mut Context) -> Result<()> {
    let file = read_members(path)?;
    let mut arrays: NamedArrays = parameters.to_arrays("");
    let mut left = Vec::new();
    for (name, target) in &mut arrays {
        match file.get(name).map(|_| file.array32(name)).transpose()? {
            Some(array) if array.shape() == target.shape() => *target = array.into_owned(),
            _ => left.push(name.as_str()),
        }
    }
    let all = parameters.names().count();
    if left.len() == all {
        let wanted = parameters.names().next().unwrap_or_default().to_owned();
        return Err(Error::file(path, format!("has no array of this network, such as '{wanted}'")).hint("names are those of timm"));
    }
    if !left.is_empty() {
        let more = if left.len() > NAMED { ", ..." } else { "" };
        let shown = left[..left.len().min(NAMED)].join(", ");
        ctx.warn(format!("{} of {all} arrays were copied from {}; these start anew: {shown}{more}", all - left.len(), path.display()));
    }
    parameters.load_arrays(&arrays, "")
}
