//! Which points of a space of parameters a sweep looks at.

use super::dimension::{Dimension, Values};
use crate::error::{Error, Kind, Result};
use crate::random::stream;
use rand::RngExt;
use serde_json::{Map, Value};

/// The values of the parameters that are varied.
pub type Point = Map<String, Value>;

/// More points than anybody waits for.
const MOST: usize = 10_000_000;
/// Points of a Sobol sequence in 32 bits of which 16 are scrambled evenly.
const MOST_SOBOL: usize = 1 << 16;

/// How points are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Design {
    /// All combinations of lists.
    Grid,
    /// So many independent random points.
    Random(usize),
    /// So many points of a scrambled Sobol sequence (Owen 1995), which fills the space more evenly.
    Sobol(usize),
}

impl Design {
    /// Number of points in a space.
    ///
    /// # Errors
    /// For a grid over a range, and for too many points.
    pub(super) fn len(self, space: &[Dimension]) -> Result<usize> {
        let (n, most) = match self {
            Self::Grid => (grid_len(space)?, MOST),
            Self::Random(n) => (n, MOST),
            Self::Sobol(n) => (n, MOST_SOBOL),
        };
        if n > most {
            return Err(Error::parameter("trials", format!("at most {most} points"), n).hint("use fewer, or random points"));
        }
        Ok(n)
    }

    /// The point of a number.
    pub(super) fn point(self, space: &[Dimension], seed: u64, index: usize) -> Point {
        let shares: Box<dyn FnMut(usize) -> f64> = match self {
            Self::Grid => return grid_point(space, index),
            Self::Random(_) => {
                let mut random = stream(seed, &[("sweep", index as u64)]);
                Box::new(move |_| random.random())
            }
            // The seed scrambles; its upper half would be lost.
            Self::Sobol(_) => {
                Box::new(move |axis| f64::from(sobol_burley::sample(index as u32, axis as u32, (seed ^ (seed >> 32)) as u32)))
            }
        };
        space
            .iter()
            .enumerate()
            .map({
                let mut shares = shares;
                move |(axis, dimension)| (dimension.name.clone(), dimension.at(shares(axis)))
            })
            .collect()
    }
}

fn grid_len(space: &[Dimension]) -> Result<usize> {
    space.iter().try_fold(1_usize, |count, dimension| match &dimension.values {
        Values::List(items) => Ok(count.saturating_mul(items.len())),
        Values::Range { .. } => {
            let message = format!("'{}' is a range, and the number of trials is missing", dimension.name);
            Err(Error::new(Kind::Parameter, message).hint("give --trials N for N random points, or a list of values"))
        }
    })
}

/// The last dimension runs fastest.
fn grid_point(space: &[Dimension], index: usize) -> Point {
    let mut rest = index;
    let mut point: Vec<(String, Value)> = Vec::with_capacity(space.len());
    for dimension in space.iter().rev() {
        if let Values::List(items) = &dimension.values {
            point.push((dimension.name.clone(), items[rest % items.len()].clone()));
            rest /= items.len();
        }
    }
    point.into_iter().rev().collect()
}
