//! The fitted classifier as a user sees it and as a file keeps it.

use super::SLUG;
use super::baselines::MinimumDistance;
use super::embedding::Recipe;
use super::machine::{MachineSettings, Space, TangentMachine};
use super::model::{AcmModel, Learner, Point};
use elinvar_core::{Bundle, Column, Error, Model, Result, State, Table};
use elinvar_data::classes::Classes;
use elinvar_math::spd::{Metric, TangentSpace};
use elinvar_math::svm::{Sigmoid, Svm};
use ndarray::{Array2, Array3, ArrayView2, Axis, Ix3};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What a file says of a learner beside its arrays.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "form")]
enum Described {
    Nearest { recipe: Recipe, classes: usize },
    Machine { recipes: Vec<Recipe>, settings: MachineSettings, svm: Svm, sigmoids: Vec<Sigmoid> },
}

impl Model for AcmModel {
    const METHOD: &'static str = SLUG;
    const FORMAT: u32 = 1;

    fn attributes(&self) -> Bundle<'static> {
        let embedding = self.embedding();
        let mut found = Bundle::new()
            .with("order", json!(embedding.order))
            .with("lag", json!(embedding.lag))
            .with("classes", json!(self.classes.labels()))
            .with("embedding_dim", json!(embedding.order * self.channels))
            .with("condition_numbers", self.conditions.clone())
            .with("members", json!(self.members.iter().map(|learner| learner.recipes()).collect::<Vec<_>>()));
        match self.members.first() {
            Some(Learner::Nearest(_, nearest)) => {
                if let Ok(means) = stacked(&nearest.means) {
                    found.insert("class_means", means);
                }
            }
            Some(Learner::Machine(machine)) => {
                found.insert("mean", machine.spaces[0].tangent.reference.clone());
                let support: usize = machine.svm.machines.iter().map(|machine| machine.support.len()).sum();
                found.insert("svm", json!({"C": machine.settings.c, "kernel": machine.settings.kernel, "n_support": support}));
            }
            None => {}
        }
        if !self.grid.is_empty() {
            if let Some((orders, lags, map)) = score_map(&self.grid) {
                found.insert("grid_scores", map);
                found.insert("grid_orders", json!(orders));
                found.insert("grid_lags", json!(lags));
            }
            if let Ok(region) = table_of(&self.region()) {
                found.insert("region", region);
            }
        }
        found
    }

    fn to_state(&self) -> State {
        let mut arrays = Bundle::new().with("condition_numbers", self.conditions.clone());
        let mut members = Vec::new();
        for (i, learner) in self.members.iter().enumerate() {
            members.push(match learner {
                Learner::Nearest(recipe, nearest) => {
                    for (class, mean) in nearest.means.iter().enumerate() {
                        arrays.insert(format!("member{i}/mean{class}"), mean.clone());
                    }
                    Described::Nearest { recipe: *recipe, classes: nearest.means.len() }
                }
                Learner::Machine(machine) => {
                    for (k, space) in machine.spaces.iter().enumerate() {
                        arrays.insert(format!("member{i}/space{k}/mean"), space.tangent.reference.clone());
                        arrays.insert(format!("member{i}/space{k}/vectors"), space.vectors.clone());
                    }
                    Described::Machine {
                        recipes: machine.spaces.iter().map(|space| space.recipe).collect(),
                        settings: machine.settings,
                        svm: machine.svm.clone(),
                        sigmoids: machine.sigmoids.clone(),
                    }
                }
            });
        }
        // JSON has no NaN: grid points that could not be scored are left out and come back as gaps.
        let grid: Vec<(usize, usize, Option<f64>)> =
            self.grid.iter().map(|p| (p.order, p.lag, p.score.is_finite().then_some(p.score))).collect();
        let json = json!({
            "classes": self.classes, "channels": self.channels, "band": self.band, "sfreq": self.sfreq, "grid": grid, "members": members,
        });
        State { arrays, json }
    }

    fn from_state(state: State, _format: u32) -> Result<Self> {
        let described: Vec<Described> = state.field("members")?;
        let members: Vec<Learner> =
            described.into_iter().enumerate().map(|(i, member)| learner(&state, i, member)).collect::<Result<_>>()?;
        if members.is_empty() {
            return Err(Error::model("the model file has no usable 'members': the list is empty"));
        }
        let grid: Vec<(usize, usize, Option<f64>)> = state.field("grid")?;
        let classes: Classes = state.field("classes")?;
        if classes.len() < 2 {
            return Err(Error::model("the model file has fewer than 2 classes"));
        }
        Ok(Self {
            classes,
            channels: state.field("channels")?,
            band: state.field("band")?,
            sfreq: state.field("sfreq")?,
            members,
            grid: grid.into_iter().map(|(order, lag, score)| Point { order, lag, score: score.unwrap_or(f64::NAN) }).collect(),
            conditions: state.arrays.vector("condition_numbers")?.to_vec(),
        })
    }
}

fn learner(state: &State, i: usize, described: Described) -> Result<Learner> {
    let matrix = |name: String| Ok::<Array2<f64>, Error>(state.arrays.matrix(&name)?.into_owned());
    match described {
        Described::Nearest { recipe, classes } => {
            let means: Result<Vec<_>> = (0..classes).map(|class| matrix(format!("member{i}/mean{class}"))).collect();
            Ok(Learner::Nearest(recipe, MinimumDistance::from_means(means?)?))
        }
        Described::Machine { recipes, settings, svm, sigmoids } => {
            let space = |(k, recipe): (usize, &Recipe)| {
                let tangent = TangentSpace::at(Metric::AffineInvariant, matrix(format!("member{i}/space{k}/mean"))?.view())?;
                Ok::<_, Error>(Space::from_parts(*recipe, tangent, matrix(format!("member{i}/space{k}/vectors"))?))
            };
            let spaces: Vec<Space> = recipes.iter().enumerate().map(space).collect::<Result<_>>()?;
            let rows = spaces.first().map_or(0, |space| space.vectors.nrows());
            let sound = svm
                .machines
                .iter()
                .all(|machine| machine.support.iter().all(|&row| row < rows) && machine.support.len() == machine.weights.len());
            let pairs = svm.classes * svm.classes.saturating_sub(1) / 2;
            if spaces.is_empty() || !sound || svm.machines.len() != pairs || sigmoids.len() != pairs {
                return Err(Error::model("the model file has a machine that does not fit its vectors"));
            }
            Ok(Learner::Machine(TangentMachine { spaces, settings, svm, sigmoids }))
        }
    }
}

fn stacked(means: &[Array2<f64>]) -> Result<Array3<f64>> {
    let views: Vec<ArrayView2<'_, f64>> = means.iter().map(|matrix| matrix.view()).collect();
    let stack = ndarray::stack(Axis(0), &views).map_err(|e| Error::internal(e.to_string()))?;
    stack.into_dimensionality::<Ix3>().map_err(|e| Error::internal(e.to_string()))
}

/// The scores as orders x lags, where the points are a full grid.
fn score_map(grid: &[Point]) -> Option<(Vec<usize>, Vec<usize>, Array2<f64>)> {
    let distinct = |of: fn(&Point) -> usize| {
        let mut values: Vec<usize> = grid.iter().map(of).collect();
        values.sort_unstable();
        values.dedup();
        values
    };
    let (orders, lags) = (distinct(|p| p.order), distinct(|p| p.lag));
    if orders.len() * lags.len() != grid.len() {
        return None;
    }
    let mut map = Array2::from_elem((orders.len(), lags.len()), f64::NAN);
    for point in grid {
        map[[orders.binary_search(&point.order).ok()?, lags.binary_search(&point.lag).ok()?]] = point.score;
    }
    Some((orders, lags, map))
}

/// Grid points as a table.
pub(super) fn table_of(points: &[Point]) -> Result<Table> {
    let whole = |of: fn(&Point) -> usize| Column::Integer(points.iter().map(|point| of(point) as i64).collect());
    Table::new()
        .with("order", whole(|p| p.order))?
        .with("lag", whole(|p| p.lag))?
        .with("score", Column::Number(points.iter().map(|p| p.score).collect()))
}
