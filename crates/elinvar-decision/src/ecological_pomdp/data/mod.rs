//! Problems and records to try the solver on: the historical stocks of the paper, and problems of the robotics literature.

mod robots;
mod stocks;

pub use robots::{PROBLEMS, named_problem, rock_sample, tag, tiger};
pub use stocks::{HistoricalStock, historical_model, read_stocks};
