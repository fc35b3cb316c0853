//! A finished screening: scores, ranking and the variables that are kept.

use super::params::MutualInfoScreener;
use super::screen::{Scores, ranking};
use super::select::select;
use elinvar_core::{Bundle, Column, Context, Error, Item, Model, Result, State, Table};
use elinvar_math::information::linfoot;
use elinvar_math::permutation::{benjamini_hochberg, family_wise, pooled_p_values};
use ndarray::{Array1, Array2, ArrayView2};
use serde_json::json;

/// Scores of all variables with one outcome, and which are kept.
#[derive(Clone, Debug)]
pub struct Screen {
    names: Vec<String>,
    scores: Array1<f64>,
    n_used_rows: Array1<i64>,
    ranking: Array1<i64>,
    selected: Vec<usize>,
    n_bins: Option<usize>,
    significance: Option<Significance>,
}

/// p-values from the permutations.
#[derive(Clone, Debug)]
struct Significance {
    p: Array1<f64>,
    family: Array1<f64>,
    q: Array1<f64>,
}

impl Significance {
    fn new(scores: &Scores) -> Option<Self> {
        if scores.null.is_empty() {
            return None;
        }
        let pooled: Vec<f64> = scores.null.iter().flatten().copied().collect();
        let p = pooled_p_values(&scores.scores, &pooled);
        let family = scores.scores.iter().zip(family_wise(&scores.scores, &scores.null));
        Some(Self {
            family: family.map(|(score, p)| if score.is_nan() { f64::NAN } else { p }).collect(),
            q: benjamini_hochberg(&p).into(),
            p: p.into(),
        })
    }
}

impl Screen {
    /// Ranks and selects. `column` gives a variable (n,) by position, for clumping.
    pub(super) fn new(
        params: &MutualInfoScreener,
        names: Vec<String>,
        scores: Scores,
        n_rows: usize,
        n_bins: Option<usize>,
        column: &mut dyn FnMut(usize) -> Result<Vec<f64>>,
        ctx: &mut Context,
    ) -> Result<Self> {
        let order = ranking(&scores.scores);
        let selected = select(params, &scores.scores, &order, n_rows, column, ctx)?;
        warn(&scores, &selected, ctx);
        Ok(Self {
            names,
            significance: Significance::new(&scores),
            n_used_rows: scores.n_rows.iter().map(|&n| n as i64).collect(),
            scores: scores.scores.into(),
            ranking: order.iter().map(|&j| j as i64).collect(),
            selected,
            n_bins,
        })
    }

    /// Score of each variable in nats.
    pub fn scores(&self) -> &Array1<f64> {
        &self.scores
    }

    /// Positions of the kept variables, best first.
    pub fn selected(&self) -> &[usize] {
        &self.selected
    }

    /// Names of the variables.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Every variable, best first: name, score, linfoot, rank, selected, rows, and p-values where there are permutations.
    ///
    /// # Errors
    /// Never for a screen that was fitted.
    pub fn table(&self) -> Result<Table> {
        let order: Vec<usize> = self.ranking.iter().map(|&j| j as usize).collect();
        let kept = self.support();
        let number = |values: &Array1<f64>| Column::Number(order.iter().map(|&j| values[j]).collect());
        let table = Table::new()
            .with("variable", Column::Text(order.iter().map(|&j| Some(self.names[j].clone())).collect()))?
            .with("score", number(&self.scores))?
            .with("linfoot", number(&self.scores.mapv(linfoot)))?
            .with("rank", Column::Integer((1..=order.len() as i64).collect()))?
            .with("selected", Column::Bool(order.iter().map(|&j| kept[j]).collect()))?
            .with("rows", Column::Integer(order.iter().map(|&j| self.n_used_rows[j]).collect()))?;
        match &self.significance {
            None => Ok(table),
            Some(s) => table.with("p_value", number(&s.p))?.with("p_value_family", number(&s.family))?.with("q_value", number(&s.q)),
        }
    }

    /// Whether each variable is kept.
    pub fn support(&self) -> Vec<bool> {
        let mut kept = vec![false; self.names.len()];
        self.selected.iter().for_each(|&j| kept[j] = true);
        kept
    }

    /// The kept columns of a matrix (n, p), in their order there.
    ///
    /// # Errors
    /// When the number of columns is not that of the fit, or a cell is infinite.
    pub fn transform(&self, x: ArrayView2<'_, f64>) -> Result<Array2<f64>> {
        if x.ncols() != self.names.len() {
            return Err(Error::input(format!("X has {} features, the screening was fitted with {}", x.ncols(), self.names.len())));
        }
        if let Some(((row, column), _)) = x.indexed_iter().find(|(_, v)| v.is_infinite()) {
            return Err(
                Error::input(format!("X contains an infinite value at row {row}, column {column}")).hint("drop or fill such rows first")
            );
        }
        let columns: Vec<usize> = self.support().iter().enumerate().filter(|(_, kept)| **kept).map(|(j, _)| j).collect();
        Ok(x.select(ndarray::Axis(1), &columns))
    }
}

/// One warning for all variables that say nothing, and one where nothing is kept.
fn warn(scores: &Scores, selected: &[usize], ctx: &mut Context) {
    let empty = scores.scores.iter().filter(|s| s.is_nan()).count();
    if empty > 0 {
        ctx.warn(format!("{empty} variable(s) have no values; their score is NaN"));
    }
    if selected.is_empty() {
        ctx.warn("no variable passes the threshold");
    }
}

impl Model for Screen {
    const METHOD: &'static str = super::SLUG;
    const FORMAT: u32 = 1;

    fn attributes(&self) -> Bundle<'static> {
        let mut ranks = Array1::zeros(self.names.len());
        self.ranking.iter().zip(1_i64..).for_each(|(&j, rank)| ranks[j as usize] = rank);
        let support: Array1<i64> = self.support().into_iter().map(i64::from).collect();
        let mut attributes = Bundle::new()
            .with("scores", self.scores.clone())
            .with("linfoot", self.scores.mapv(linfoot))
            .with("ranking", ranks)
            .with("support", support)
            .with("n_used_rows", self.n_used_rows.clone())
            .with("feature_names", json!(self.names));
        if let Some(n_bins) = self.n_bins {
            attributes.insert("n_bins", n_bins as f64);
        }
        if let Some(s) = &self.significance {
            attributes.insert("p_values", s.p.clone());
            attributes.insert("p_values_family", s.family.clone());
            attributes.insert("q_values", s.q.clone());
        }
        attributes
    }

    fn to_state(&self) -> State {
        let selected: Array1<i64> = self.selected.iter().map(|&j| j as i64).collect();
        let mut arrays = Bundle::new()
            .with("scores", self.scores.clone())
            .with("n_used_rows", self.n_used_rows.clone())
            .with("ranking", self.ranking.clone())
            .with("selected", selected);
        if let Some(s) = &self.significance {
            arrays.insert("p", s.p.clone());
            arrays.insert("family", s.family.clone());
            arrays.insert("q", s.q.clone());
        }
        State { arrays, json: json!({"names": self.names, "n_bins": self.n_bins}) }
    }

    fn from_state(state: State, _format: u32) -> Result<Self> {
        let whole = |name: &str| match state.arrays.get(name) {
            Some(Item::Integers(a)) => Ok(a.iter().copied().collect::<Array1<i64>>()),
            _ => Err(Error::model(format!("the model file has no usable '{name}'"))),
        };
        let number = |name: &str| state.arrays.vector(name).map(|v| v.into_owned());
        let names: Vec<String> = state.field("names")?;
        let screen = Self {
            significance: match state.arrays.get("p") {
                Some(_) => Some(Significance { p: number("p")?, family: number("family")?, q: number("q")? }),
                None => None,
            },
            scores: number("scores")?,
            n_used_rows: whole("n_used_rows")?,
            ranking: whole("ranking")?,
            selected: whole("selected")?.iter().map(|&j| usize::try_from(j).unwrap_or(usize::MAX)).collect(),
            n_bins: state.field("n_bins")?,
            names,
        };
        screen.check()?;
        Ok(screen)
    }
}

impl Screen {
    /// Holds the parts of a model file against one another.
    fn check(&self) -> Result<()> {
        let p = self.names.len();
        let lengths = [self.scores.len(), self.n_used_rows.len(), self.ranking.len()];
        let inside = self.selected.iter().all(|&j| j < p) && self.ranking.iter().all(|&j| usize::try_from(j).is_ok_and(|j| j < p));
        match lengths.iter().all(|&n| n == p) && inside {
            true => Ok(()),
            false => Err(Error::model("the parts of the model file do not fit together").hint("screen again and save it anew")),
        }
    }
}
