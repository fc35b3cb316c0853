//! Linear operators of recorded dynamics in whitened delay coordinates (HAVOK; Brunton et al. 2017, Ostrow et al. 2023).

use elinvar_core::{Error, Result};
use elinvar_math::linalg::{product, product_into, solve, symmetric_eigen};
use ndarray::{Array1, Array2, ArrayView2, ArrayView3, Axis, Slice};

/// How trajectories become coordinates, and coordinates an operator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Embedding {
    /// States in a row of coordinates, the present one and those before it, >= 1.
    pub n_delays: usize,
    /// Steps between them, >= 1.
    pub delay_interval: usize,
    /// Leading coordinates to keep; none for as many as [`NOISE`] lets stand.
    pub rank: Option<usize>,
    /// Ridge of the regression, >= 0.
    pub lam: f64,
}

/// Singular values below this share of the greatest are rounding of single-precision states.
pub const NOISE: f64 = 1e-6;
/// Neighbouring singular values nearer than this are a tie: which directions the rank keeps is then chance.
const TIE: f64 = 1e-6;

/// A linear map of whitened coordinates from one step to the next.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// The map (rank, rank): coordinates of the next step are `matrix` times those of this one.
    pub matrix: Array2<f64>,
    /// All singular values of the embedded rows, descending.
    pub singular_values: Array1<f64>,
    /// Whether the rank cuts through equal singular values.
    pub tied: bool,
}

/// What the regression needs of the embedded rows: sums of outer products, never the rows themselves.
pub(crate) struct Moments {
    /// Of all rows.
    all: Array2<f64>,
    /// Of rows that have a next one in their trial.
    before: Array2<f64>,
    /// Of those with their next ones.
    cross: Array2<f64>,
}

impl Embedding {
    /// Refuses an embedding that trajectories of so many steps and units do not fill.
    pub(crate) fn check(&self, steps: usize, units: usize) -> Result<()> {
        let reach = (self.n_delays - 1) * self.delay_interval;
        if reach + 2 > steps {
            let message = format!("n_delays {} with delay_interval {} is too large for T = {steps}", self.n_delays, self.delay_interval);
            return Err(Error::input(message).hint("a row of coordinates and its next one take (n_delays - 1) * delay_interval + 2 steps"));
        }
        match self.rank {
            Some(rank) if rank > units * self.n_delays => {
                Err(Error::parameter("rank", format!("at most n * n_delays = {}", units * self.n_delays), rank))
            }
            _ => Ok(()),
        }
    }

    /// Rows (L, units * n_delays) of one trial (T, units): `x_t, x_(t - interval), ...`.
    fn rows(&self, trial: ArrayView2<'_, f64>) -> Array2<f64> {
        let (steps, units) = trial.dim();
        let reach = (self.n_delays - 1) * self.delay_interval;
        let mut rows = Array2::zeros((steps - reach, units * self.n_delays));
        for delay in 0..self.n_delays {
            let start = reach - delay * self.delay_interval;
            let part = trial.slice_axis(Axis(0), Slice::from(start..start + steps - reach));
            rows.slice_axis_mut(Axis(1), Slice::from(delay * units..(delay + 1) * units)).assign(&part);
        }
        rows
    }

    /// Moments of trials (K, T, units). No row and its next one are taken across the border of two trials.
    pub(crate) fn moments(&self, trials: ArrayView3<'_, f64>) -> Result<Moments> {
        let (_, steps, units) = trials.dim();
        self.check(steps, units)?;
        let d = units * self.n_delays;
        let [mut all, mut before, mut cross] = [(); 3].map(|()| Array2::zeros((d, d)));
        for trial in trials.outer_iter() {
            let rows = self.rows(trial);
            let last = rows.nrows() - 1;
            let (now, next) = (rows.slice_axis(Axis(0), (..last).into()), rows.slice_axis(Axis(0), (1..).into()));
            product_into(all.view_mut(), true, 1.0, rows.t(), rows.view())?;
            product_into(before.view_mut(), true, 1.0, now.t(), now)?;
            product_into(cross.view_mut(), true, 1.0, now.t(), next)?;
        }
        Ok(Moments { all, before, cross })
    }

    /// The operator of trials (K, T, units), of `rank` leading coordinates.
    ///
    /// # Errors
    /// Trajectories too short, or fewer directions than `rank` above [`NOISE`].
    pub fn operator(&self, trials: ArrayView3<'_, f64>) -> Result<Operator> {
        let spectrum = Spectrum::of(self.moments(trials)?)?;
        let rank = self.rank.unwrap_or_else(|| spectrum.significant());
        spectrum.operator(rank, self.lam)
    }
}

/// The principal directions of embedded rows, from which operators of any rank follow.
pub(crate) struct Spectrum {
    moments: Moments,
    singular_values: Array1<f64>,
    /// Directions in columns, by descending singular value.
    directions: Array2<f64>,
}

impl Spectrum {
    pub(crate) fn of(moments: Moments) -> Result<Self> {
        let (squares, vectors) = symmetric_eigen(moments.all.view())?;
        let descending = Slice::from(..).step_by(-1);
        let singular_values = squares.slice_axis(Axis(0), descending).mapv(|v| v.max(0.0).sqrt());
        let directions = vectors.slice_axis(Axis(1), descending).to_owned();
        Ok(Self { moments, singular_values, directions })
    }

    /// Directions above [`NOISE`].
    pub(crate) fn significant(&self) -> usize {
        let least = NOISE * self.singular_values[0];
        self.singular_values.iter().take_while(|v| **v > least).count()
    }

    /// The ridge regression of the next whitened coordinates on the present ones.
    pub(crate) fn operator(&self, rank: usize, lam: f64) -> Result<Operator> {
        if rank == 0 || rank > self.significant() {
            let message = format!("the states have {} directions with spread, which gives no rank {rank}", self.significant());
            return Err(Error::input(message).hint("lower rank, or record more varied trials"));
        }
        let scale = self.singular_values.slice_axis(Axis(0), (..rank).into()).mapv(|v| 1.0 / v);
        let whiten = &self.directions.slice_axis(Axis(1), (..rank).into()) * &scale;
        let mut before = product(whiten.t(), product(self.moments.before.view(), whiten.view())?.view())?;
        let cross = product(whiten.t(), product(self.moments.cross.view(), whiten.view())?.view())?;
        before.diag_mut().mapv_inplace(|v| v + lam);
        let matrix = solve(before.view(), cross.view())?.reversed_axes().as_standard_layout().into_owned();
        let tied = self.singular_values.get(rank).is_some_and(|next| *next > (1.0 - TIE) * self.singular_values[rank - 1]);
        Ok(Operator { matrix, singular_values: self.singular_values.clone(), tied })
    }
}
