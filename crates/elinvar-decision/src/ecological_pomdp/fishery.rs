//! The harvested stock: growth, noise and the discrete problem made of them.

use super::pomdp::{Observation, Pomdp, SparseRows, Transition};
use elinvar_core::{Context, Error, Result};
use elinvar_math::special::{normal_density, normal_probability};
use ndarray::{Array1, Array2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Probabilities below this are left out of the banded transition of the recruit-first order.
const BAND: f64 = 1e-15;

/// How the stock grows from what is left after the harvest (`e`) to the next year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Growth {
    /// `e + r e (1 - e/K)`.
    GordonSchaefer,
    /// `e exp(r (1 - e/K))`.
    Ricker,
    /// `e (1 + r) / (1 + e r / K)`.
    BevertonHolt,
    /// `e exp(r (1 - e/K) (e - C) / K)`: below the tipping point `C` the stock dies out.
    Allen,
}

/// The law of the noise around the expected value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Noise {
    /// Additive normal noise with constant standard deviation; every published figure comes from it.
    Normal,
    /// Multiplicative log-normal noise with mean 1 and log standard deviation sigma.
    Lognormal,
    /// Log-normal noise with variance `mu sigma^2 / 3`.
    RescaledLognormal,
    /// Uniform on `mu (1 - sigma)` to `mu (1 + sigma)`.
    Uniform,
}

/// What happens first in a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HarvestOrder {
    /// The stock is seen, harvested, and what is left grows.
    ObserveHarvestRecruit,
    /// The stock grows first and the harvest is taken from the grown stock (used for the historical stocks).
    RecruitFirst,
}

/// A stock under harvest with noisy growth and noisy surveys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FisheryModel {
    /// Growth of what is left after the harvest.
    pub growth: Growth,
    /// Intrinsic growth rate, > 0.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub r: f64,
    /// Carrying capacity, > 0, in the unit of the grid.
    #[serde(rename = "K")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub k: f64,
    /// Tipping point of the Allen growth, in [0, K).
    #[serde(rename = "C")]
    pub c: Option<f64>,
    /// Standard deviation of the growth noise, >= 0.
    #[schemars(extend("minimum" = 0.0))]
    pub sigma_g: f64,
    /// Standard deviation of the survey error, >= 0.
    #[schemars(extend("minimum" = 0.0))]
    pub sigma_m: f64,
    /// Law of both noises.
    pub noise: Noise,
    /// Lower end (must be 0), upper end and number of points of the grid shared by states, actions and observations.
    pub grid: (f64, f64, usize),
    /// Price of a unit of catch.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub price: f64,
    /// Cost of harvesting the whole stock; a part of it costs in proportion.
    #[schemars(extend("minimum" = 0.0))]
    pub effort_cost: f64,
    /// Value of a unit of reward one year later, in (0, 1).
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub discount: f64,
    /// What happens first in a year.
    pub order: HarvestOrder,
}

impl Default for FisheryModel {
    fn default() -> Self {
        Self {
            growth: Growth::GordonSchaefer,
            r: 0.75,
            k: 1.0,
            c: None,
            sigma_g: 0.1,
            sigma_m: 0.1,
            noise: Noise::Normal,
            grid: (0.0, 2.0, 100),
            price: 1.0,
            effort_cost: 0.0,
            discount: 0.95,
            order: HarvestOrder::ObserveHarvestRecruit,
        }
    }
}

/// The reference points of fisheries science that follow from the growth model alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    /// Stock to leave behind that maximises discounted growth, `S*`.
    pub escapement: f64,
    /// Stock before the harvest in that steady state, `B`.
    pub biomass: f64,
    /// Maximum sustainable yield.
    pub msy: f64,
    /// Share of the stock taken at MSY.
    pub f_msy: f64,
}

impl FisheryModel {
    /// Checks every field.
    ///
    /// # Errors
    /// Names the field that is out of range.
    pub fn check(&self) -> Result<()> {
        positive("r", self.r)?;
        positive("K", self.k)?;
        not_negative("sigma_g", self.sigma_g)?;
        not_negative("sigma_m", self.sigma_m)?;
        not_negative("effort_cost", self.effort_cost)?;
        positive("price", self.price)?;
        if !(self.discount > 0.0 && self.discount < 1.0) {
            return Err(Error::parameter("discount", "in (0, 1)", self.discount));
        }
        let (low, high, points) = self.grid;
        if low != 0.0 || !(high > 0.0) || high.is_infinite() || points < 2 {
            return Err(Error::parameter("grid", "(0, upper end > 0, at least 2 points)", format!("({low}, {high}, {points})")));
        }
        match (self.growth, self.c) {
            (Growth::Allen, Some(c)) if c >= 0.0 && c < self.k => Ok(()),
            (Growth::Allen, c) => {
                Err(Error::parameter("C", format!("in [0, K = {})", self.k), c.map_or("nothing".to_owned(), |c| c.to_string())))
            }
            (_, None) => Ok(()),
            (_, Some(c)) => Err(Error::parameter("C", "absent unless growth = 'allen'", c)),
        }
    }

    /// The grid values shared by states, actions and observations.
    pub fn values(&self) -> Array1<f64> {
        let (low, high, points) = self.grid;
        // The same rounding as spacing the ends evenly: index times step, the last point exact.
        Array1::from_shape_fn(points, |i| if i + 1 == points { high } else { low + (high - low) / (points - 1) as f64 * i as f64 })
    }

    /// Next year's expected stock from `left` after the harvest, with the growth models of [`Growth`].
    pub fn growth_of(&self, left: f64) -> f64 {
        let (r, k) = (self.r, self.k);
        match self.growth {
            Growth::GordonSchaefer => left + r * left * (1.0 - left / k),
            Growth::Ricker => left * (r * (1.0 - left / k)).exp(),
            Growth::BevertonHolt => left * (1.0 + r) / (1.0 + left * r / k),
            Growth::Allen => left * (r * (1.0 - left / k) * (left - self.c.unwrap_or(0.0)) / k).exp(),
        }
    }

    /// Expected next stock from stock `x` under harvest `h`.
    pub fn next_stock(&self, x: f64, h: f64) -> f64 {
        match self.order {
            HarvestOrder::ObserveHarvestRecruit => self.growth_of((x - h).max(0.0)),
            HarvestOrder::RecruitFirst => self.growth_of(x) - x.min(h),
        }
    }

    /// Reward of harvest `h` from stock `x`: price times the catch, less the cost of the share of the stock that is taken.
    pub fn utility(&self, x: f64, h: f64) -> f64 {
        let taken = x.min(h);
        let share = if x > 0.0 { taken / x } else { 0.0 };
        self.price * taken - self.effort_cost * share
    }

    /// Distribution on the grid of a value with expectation `mean`.
    fn distribution(&self, grid: &Array1<f64>, mean: f64, sigma: f64) -> Array1<f64> {
        discretise(grid, mean, sigma, self.noise)
    }

    /// `O[s,:]`: distribution of the survey in every state (states, observations).
    pub fn observation_matrix(&self, sigma_m: f64) -> Array2<f64> {
        let grid = self.values();
        let n = grid.len();
        let mut matrix = Array2::zeros((n, n));
        for s in 0..n {
            if sigma_m == 0.0 || s == 0 {
                matrix[[s, s]] = 1.0;
            } else {
                matrix.row_mut(s).assign(&self.distribution(&grid, grid[s], sigma_m));
            }
        }
        matrix
    }

    /// Distribution of the next stock around `expected`; a stock of 0 or less is extinct.
    fn next_distribution(&self, grid: &Array1<f64>, expected: f64) -> Array1<f64> {
        if expected > 0.0 {
            return self.distribution(grid, expected, self.sigma_g);
        }
        let mut extinct = Array1::zeros(grid.len());
        extinct[0] = 1.0;
        extinct
    }

    /// The discrete problem with a uniform prior.
    ///
    /// # Errors
    /// When a field is out of range.
    pub fn to_pomdp(&self) -> Result<Pomdp> {
        self.check()?;
        let grid = self.values();
        let n = grid.len();
        let transition = match self.order {
            HarvestOrder::ObserveHarvestRecruit => {
                let mut t0 = Array2::zeros((n, n));
                for (e, mut row) in t0.outer_iter_mut().enumerate() {
                    row.assign(&self.next_distribution(&grid, self.growth_of(grid[e])));
                }
                Transition::Escapement(t0, n)
            }
            HarvestOrder::RecruitFirst => Transition::Sparse((0..n).map(|a| self.banded(&grid, grid[a])).collect()),
        };
        let matrix = self.observation_matrix(self.sigma_m);
        let observation = if self.sigma_m == 0.0 {
            Observation::Sparse(vec![SparseRows::from_dense(matrix.view())])
        } else {
            Observation::Dense(vec![matrix])
        };
        let reward = Array2::from_shape_fn((n, n), |(s, a)| self.utility(grid[s], grid[a]));
        Pomdp::from_parts(transition, observation, reward, self.discount, None)
    }

    /// Transition rows of harvest `h` without their negligible tails.
    fn banded(&self, grid: &Array1<f64>, h: f64) -> SparseRows {
        let mut rows = SparseRows::new(grid.len());
        for &x in grid {
            let row = self.next_distribution(grid, self.next_stock(x, h));
            let kept: f64 = row.iter().filter(|p| **p >= BAND).sum();
            rows.push_row(row.iter().enumerate().filter(|(_, p)| **p >= BAND).map(|(i, p)| (i, p / kept)));
        }
        rows
    }

    /// Says in `ctx` what makes the discrete problem poor: noise far below the spacing of the grid.
    pub fn warn(&self, ctx: &mut Context) {
        let step = self.grid.1 / (self.grid.2 - 1) as f64;
        if self.sigma_g < 0.25 * step {
            ctx.warn(format!(
                "sigma_g = {} is small against the grid step {step:.4}: growth smaller than a step is lost; use a finer grid or sigma_g >= 0.02",
                self.sigma_g
            ));
        }
    }

    /// `S*`, `B`, MSY and F_MSY.
    ///
    /// # Errors
    /// When a field is out of range, or no positive stock has positive surplus growth.
    pub fn baselines(&self) -> Result<Baselines> {
        self.check()?;
        let escapement = self.best_escapement();
        let grown = self.growth_of(escapement);
        let msy = grown - escapement;
        let biomass = match self.order {
            HarvestOrder::ObserveHarvestRecruit => grown,
            HarvestOrder::RecruitFirst => escapement,
        };
        if !(msy > 0.0 && biomass > 0.0) {
            return Err(Error::numeric("the stock has no surplus growth at any size").hint("check r, K and C"));
        }
        Ok(Baselines { escapement, biomass, msy, f_msy: msy / biomass })
    }

    /// The maximiser of `gamma f(x, 0) - x`: closed form for Gordon-Schaefer, else a scan refined by golden section.
    fn best_escapement(&self) -> f64 {
        if self.growth == Growth::GordonSchaefer {
            return (self.k * (1.0 + self.r - 1.0 / self.discount) / (2.0 * self.r)).max(0.0);
        }
        let gain = |x: f64| self.discount * self.growth_of(x) - x;
        let points = 4000;
        let step = self.grid.1.max(2.0 * self.k) / points as f64;
        let best = (0..=points).map(|i| i as f64 * step).fold(0.0, |best, x| if gain(x) > gain(best) { x } else { best });
        golden_section(gain, (best - step).max(0.0), best + step)
    }
}

/// Maximiser of a unimodal function on an interval, to about 1e-10 of its length.
fn golden_section(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let ratio = (5f64.sqrt() - 1.0) / 2.0;
    for _ in 0..60 {
        let (left, right) = (high - ratio * (high - low), low + ratio * (high - low));
        if f(left) < f(right) {
            low = left;
        } else {
            high = right;
        }
    }
    0.5 * (low + high)
}

/// Probability vector on the grid `g_1 < ... < g_n` of a value with expectation `mean > 0`.
///
/// Densities at the grid points are scaled to the mass below `g_n`; the mass above goes to the last point and, for the normal law, the
/// mass below zero to the first (the reflected densities at `-g_i`). With `sigma = 0`, or when the law misses every grid point, all mass is
/// on the nearest one, ties to the lower.
pub fn discretise(grid: &Array1<f64>, mean: f64, sigma: f64, noise: Noise) -> Array1<f64> {
    let n = grid.len();
    let mut p = Array1::zeros(n);
    if !(sigma > 0.0) {
        p[nearest(grid, mean)] = 1.0;
        return p;
    }
    let (density, below): (Box<dyn Fn(f64) -> f64>, f64) = law(mean, sigma, noise, grid[n - 1]);
    p.assign(&grid.mapv(&density));
    if noise == Noise::Normal {
        p[0] += grid.iter().skip(1).map(|&g| density(-g)).sum::<f64>();
    }
    let total = p.sum();
    if !(total > 0.0) {
        p[nearest(grid, mean)] = 1.0;
        return p;
    }
    p *= below / total;
    p[n - 1] += 1.0 - below;
    p
}

/// Density of the noisy value and its mass below `last`.
fn law(mean: f64, sigma: f64, noise: Noise, last: f64) -> (Box<dyn Fn(f64) -> f64>, f64) {
    let lognormal = |log_mean: f64, log_sd: f64| -> (Box<dyn Fn(f64) -> f64>, f64) {
        let density = move |x: f64| if x > 0.0 { normal_density(x.ln(), log_mean, log_sd) / x } else { 0.0 };
        (Box::new(density), normal_probability(last.ln(), log_mean, log_sd))
    };
    match noise {
        Noise::Normal => (Box::new(move |x| normal_density(x, mean, sigma)), normal_probability(last, mean, sigma)),
        Noise::Lognormal => lognormal(mean.ln() - 0.5 * sigma * sigma, sigma),
        Noise::RescaledLognormal => {
            let variance = mean * sigma * sigma / 3.0;
            lognormal((mean * mean / (variance + mean * mean).sqrt()).ln(), (variance / (mean * mean)).ln_1p().sqrt())
        }
        Noise::Uniform => {
            let (low, high) = (mean * (1.0 - sigma), mean * (1.0 + sigma));
            let density = move |x: f64| if (low..=high).contains(&x) { 1.0 / (high - low) } else { 0.0 };
            (Box::new(density), ((last - low) / (high - low)).clamp(0.0, 1.0))
        }
    }
}

/// Position of the grid value nearest to `x`; ties go to the lower one.
pub fn nearest(grid: &Array1<f64>, x: f64) -> usize {
    // The margin makes exact midpoints ties although their distances differ in the last bits.
    let margin = 1e-12 * (grid[grid.len() - 1] - grid[0]).abs();
    let mut best = 0;
    for (i, &g) in grid.iter().enumerate() {
        if (g - x).abs() < (grid[best] - x).abs() - margin {
            best = i;
        }
    }
    best
}

fn positive(name: &str, value: f64) -> Result<()> {
    if value > 0.0 && value.is_finite() { Ok(()) } else { Err(Error::parameter(name, "> 0", value)) }
}

fn not_negative(name: &str, value: f64) -> Result<()> {
    if value >= 0.0 && value.is_finite() { Ok(()) } else { Err(Error::parameter(name, ">= 0", value)) }
}
