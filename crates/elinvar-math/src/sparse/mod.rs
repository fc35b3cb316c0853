//! Penalised regression: `min_b loss(X b) + sum_j P_{factor_j lambda}(b_j)` with the penalties of [`crate::penalty`].
//!
//! [`Session`] solves it at one level after another by coordinate descent, proximal gradient, accelerated gradient or proximal nonlinear
//! conjugate gradient, with screening, working sets and the products of the columns met so far. The gradient methods are also there for
//! any smooth function: see [`accelerated_gradient`] and [`conjugate_gradient`].
//!
//! ```
//! use elinvar_core::{Context, ndarray::array};
//! use elinvar_math::{penalty::Penalty, sparse::{Dense, Problem, Session, Settings, Squared}};
//!
//! let x = array![[1.0, 1.0], [1.0, -1.0], [1.0, 1.0], [1.0, -1.0]];
//! let y = [3.0, 0.0, 3.0, 0.0];
//! let (design, loss) = (Dense::new(x.view()), Squared::new(&y));
//! // The first column is an intercept: its factor is 0.
//! let problem = Problem { design: &design, loss: &loss, offset: None, penalty: Penalty::mcp(3.0)?, factors: &[0.0, 1.0] };
//! let mut ctx = Context::default();
//! let mut session = Session::new(&problem, None, &ctx)?;
//! assert!((session.null_level(&mut ctx)? - 1.5).abs() < 1e-12);
//! let solution = session.solve(0.4, &Settings::default(), &mut ctx)?;
//! assert!((solution.coefficients[1] - 1.5).abs() < 1e-12);
//! # Ok::<(), elinvar_core::Error>(())
//! ```

mod conjugate;
mod coordinate;
mod design;
mod gram;
mod kernels;
mod loss;
mod proximal;
mod restricted;
mod session;
mod smooth;
mod spectrum;
#[cfg(test)]
mod tests;

pub use conjugate::conjugate_gradient;
pub use design::{Dense, Design, SparseColumns, correlate_all};
pub use loss::{Logistic, Loss, Squared};
pub use proximal::{Iterations, Momentum, Stationary, accelerated_gradient, next_damping, proximal_gradient};
pub use session::{Algorithm, Problem, Screening, Session, Settings, Solution};
pub use smooth::{Closure, Smooth, Step};
pub(crate) use spectrum::largest_eigenvalue;
