//! The tasks: thin adapters between named inputs and the typed API.

use super::data::{Effect, generate};
use super::file::screen_file;
use super::model::Screen;
use super::params::{BandwidthChoice, Combination, FileScreener, MutualInfoScreener, MutualInformation};
use super::screen::{Screening, ranking};
use super::stability::{Stability, borda, choose_bandwidth};
use super::{Pair, information};
use elinvar_core::{
    Bundle, Checked, Column, Context, Error, Estimator, Field, Fitted, Input, Item, Measurement, NoInput, NoParams, Operation, Output,
    Result, Shape, Status, Table,
};
use elinvar_math::information::{birge_rozenholc_bins, linfoot};
use ndarray::{Array1, Array2, Axis, CowArray, Ix2};
use serde_json::json;
use std::path::PathBuf;

/// Columns of a matrix or a table, a block at a time. Missing cells are NaN.
pub struct Variables<'a> {
    names: Vec<String>,
    cells: Cells<'a>,
}

enum Cells<'a> {
    Matrix(CowArray<'a, f64, Ix2>),
    Table(Table),
}

/// Columns that are copied at a time.
const BLOCK: usize = 1024;

impl<'a> Variables<'a> {
    fn from_bundle(bundle: &'a Bundle<'_>, name: &str) -> Result<Self> {
        if let Item::Table(table) = bundle.require(name)? {
            return Ok(Self { names: table.names().to_vec(), cells: Cells::Table(table.clone()) });
        }
        Ok(Self::from_matrix(bundle.matrix(name)?))
    }

    /// Variables of a matrix (n, p), named `x0`, `x1`, ...
    pub fn from_matrix(matrix: impl Into<CowArray<'a, f64, Ix2>>) -> Self {
        let matrix = matrix.into();
        Self { names: (0..matrix.ncols()).map(|j| format!("x{j}")).collect(), cells: Cells::Matrix(matrix) }
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        match &self.cells {
            Cells::Matrix(matrix) => matrix.nrows(),
            Cells::Table(table) => table.n_rows(),
        }
    }

    /// Names of the variables.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Some columns as rows (columns, n).
    fn block(&self, columns: std::ops::Range<usize>) -> Result<Array2<f64>> {
        match &self.cells {
            Cells::Matrix(matrix) => Ok(matrix.slice_axis(Axis(1), columns.into()).t().as_standard_layout().into_owned()),
            Cells::Table(table) => {
                let mut block = Array2::zeros((columns.len(), table.n_rows()));
                for (mut row, name) in block.outer_iter_mut().zip(&self.names[columns]) {
                    let numbers = table.column(name)?.to_numbers().ok_or_else(|| {
                        Error::input(format!("column '{name}' must hold numbers, got text")).hint("leave it out, or code it as numbers")
                    })?;
                    row.assign(&Array1::from_vec(numbers));
                }
                Ok(block)
            }
        }
    }

    fn check_outcome(&self, y: &Array1<f64>) -> Result<()> {
        if self.names.is_empty() {
            return Err(Error::input("X must have at least 1 variable, got 0 feature(s)"));
        }
        match y.len() == self.n_rows() {
            true => Ok(()),
            false => Err(Error::input(format!("y must have {} rows like X, got {}", self.n_rows(), y.len()))),
        }
    }
}

/// Variables and an outcome.
pub(super) struct Data<'a> {
    x: Variables<'a>,
    y: Array1<f64>,
}

impl<'a> Input<'a> for Data<'a> {
    const FIELDS: &'static [Field] = &[
        Field::rest("X", Shape::Matrix, "variables (n, p); missing cells are left out for each variable").flag("features").with_gaps(),
        Field::columns("y", Shape::Vector, "outcome (n,), continuous or with two values; rows without it are left out")
            .flag("target")
            .with_gaps(),
    ];
    fn from_bundle(bundle: &'a Bundle<'_>) -> Result<Self> {
        let data = Self { x: Variables::from_bundle(bundle, "X")?, y: bundle.vector("y")?.into_owned() };
        data.x.check_outcome(&data.y)?;
        Ok(data)
    }
}

fn example() -> Bundle<'static> {
    let effect = Effect { nonlinear: true, binary: false };
    match generate(60, 12, 3, effect, &mut elinvar_core::random::stream(0, &[("example", 0)])) {
        Ok(data) => Bundle::new().with("X", data.x.t().as_standard_layout().into_owned()).with("y", data.y),
        Err(_) => Bundle::new(),
    }
}

/// Screens variables in memory.
pub(super) fn screen(params: &MutualInfoScreener, x: &Variables<'_>, y: &Array1<f64>, ctx: &mut Context) -> Result<Screen> {
    x.check_outcome(y)?;
    let screening = Screening::new(params, y.view(), ctx)?;
    let p = x.names.len();
    let mut scores = super::screen::Scores { null: vec![Vec::new(); params.n_permutations], ..Default::default() };
    for first in (0..p).step_by(BLOCK) {
        let block = x.block(first..(first + BLOCK).min(p))?;
        scores.append(screening.score(block.view(), first, &|j| x.names[j].clone(), ctx)?);
        ctx.tick(scores.scores.len() as u64, p as u64, &[])?;
    }
    let mut column = |j: usize| x.block(j..j + 1).map(|block| block.row(0).to_vec());
    Screen::new(params, x.names.clone(), scores, screening.n_rows(), screening.n_bins(), &mut column, ctx)
}

fn fitted(model: Screen) -> Result<Fitted<Screen>> {
    let trace = model.table()?;
    Ok(Fitted { model, status: Status::Converged, trace })
}

/// `fit`.
pub(super) struct FitTask;

impl Estimator for FitTask {
    const SUMMARY: &'static str = "score every variable by its mutual information with an outcome and keep the best";
    type Params = MutualInfoScreener;
    type Input<'a> = Data<'a>;
    type Model = Screen;
    fn fit(params: &Checked<MutualInfoScreener>, input: Data<'_>, ctx: &mut Context) -> Result<Fitted<Screen>> {
        fitted(screen(params, &input.x, &input.y, ctx)?)
    }
    fn example() -> Bundle<'static> {
        example()
    }
}

/// A file, and the outcome where it is not one of its columns.
pub(super) struct InFile {
    path: PathBuf,
    y: Option<Array1<f64>>,
}

impl Input<'_> for InFile {
    const FIELDS: &'static [Field] = &[
        Field::new("path", Shape::Path, "file of variables: NPY, Parquet or PLINK .bed are read in pieces, other tables at once")
            .flag("file"),
        Field::new("y", Shape::Vector, "outcome (n,) where it is no column of the file").optional().with_gaps(),
    ];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        let path = bundle.json("path")?.as_str().map(PathBuf::from).ok_or_else(|| Error::input("'path' must be the name of a file"))?;
        Ok(Self { path, y: bundle.get("y").map(|_| bundle.vector("y").map(|v| v.into_owned())).transpose()? })
    }
}

/// `fit-file`.
pub(super) struct FitFileTask;

impl Estimator for FitFileTask {
    const VERB: &'static str = "fit-file";
    const SUMMARY: &'static str = "screen a file that may be larger than memory, with a checkpoint to go on from";
    type Params = FileScreener;
    type Input<'a> = InFile;
    type Model = Screen;
    fn fit(params: &Checked<FileScreener>, input: InFile, ctx: &mut Context) -> Result<Fitted<Screen>> {
        fitted(screen_file(params, &input.path, input.y.as_ref().map(|y| y.view()), ctx)?)
    }
    fn example() -> Bundle<'static> {
        Bundle::new()
    }
}

/// Rows to reduce.
pub(super) struct ToReduce<'a>(Variables<'a>);

impl<'a> Input<'a> for ToReduce<'a> {
    const FIELDS: &'static [Field] =
        &[Field::rest("X", Shape::Matrix, "variables (n, p), the columns of the fit").flag("features").with_gaps()];
    fn from_bundle(bundle: &'a Bundle<'_>) -> Result<Self> {
        Ok(Self(Variables::from_bundle(bundle, "X")?))
    }
}

/// The kept variables.
pub(super) struct Reduced {
    values: Array2<f64>,
    names: Vec<String>,
}

impl Output for Reduced {
    const FIELDS: &'static [Field] = &[
        Field::new("transformed", Shape::Matrix, "the kept variables (n, n_selected), in the order of the columns"),
        Field::new("transformed_names", Shape::Json, "their names"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("transformed", self.values).with("transformed_names", json!(self.names))
    }
}

/// `transform`.
pub(super) struct TransformTask;

impl Operation for TransformTask {
    const VERB: &'static str = "transform";
    const SUMMARY: &'static str = "keep the chosen variables";
    type Params = NoParams;
    type Model = Screen;
    type Input<'a> = ToReduce<'a>;
    type Output = Reduced;
    fn apply(_: &Checked<NoParams>, model: &Screen, ToReduce(x): ToReduce<'_>, _: &mut Context) -> Result<Reduced> {
        let kept = model.names().iter().zip(model.support()).filter(|(_, kept)| *kept);
        let names: Vec<String> = kept.map(|(name, _)| name.clone()).collect();
        let values = match &x.cells {
            Cells::Matrix(matrix) => model.transform(matrix.view())?,
            // A table may hold its columns in any order, and more of them.
            Cells::Table(table) => {
                let selected = Variables { names: names.clone(), cells: Cells::Table(table.select(&names)?) };
                selected.block(0..names.len())?.reversed_axes()
            }
        };
        Ok(Reduced { values, names })
    }
    fn example() -> Bundle<'static> {
        let mut data = example();
        data.remove("X").map_or_else(Bundle::new, |x| Bundle::new().with("X", x))
    }
}

/// The table of a screening.
pub(super) struct Scored(Table);

impl Output for Scored {
    const FIELDS: &'static [Field] = &[Field::new(
        "scores",
        Shape::Table,
        "every variable, best first: score (nats), linfoot, rank, selected, rows, and p-values where there are permutations",
    )];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("scores", self.0)
    }
}

/// `scores`.
pub(super) struct ScoresTask;

impl Operation for ScoresTask {
    const VERB: &'static str = "scores";
    const SUMMARY: &'static str = "the scores of a screening as a table, best first";
    type Params = NoParams;
    type Model = Screen;
    type Input<'a> = NoInput;
    type Output = Scored;
    fn apply(_: &Checked<NoParams>, model: &Screen, _: NoInput, _: &mut Context) -> Result<Scored> {
        model.table().map(Scored)
    }
    fn example() -> Bundle<'static> {
        Bundle::new()
    }
}

impl Input<'_> for Pair {
    const FIELDS: &'static [Field] = &[
        Field::columns("x", Shape::Vector, "first variable (n,)").with_gaps(),
        Field::columns("y", Shape::Vector, "second variable (n,)").with_gaps(),
    ];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Ok(Self { x: bundle.vector("x")?.into_owned(), y: bundle.vector("y")?.into_owned() })
    }
}

/// Mutual information of two variables.
pub(super) struct Information(f64);

impl Output for Information {
    const FIELDS: &'static [Field] = &[
        Field::new("information", Shape::Scalar, "mutual information in nats"),
        Field::new("linfoot", Shape::Scalar, "Linfoot's coefficient sqrt(1 - exp(-2 I)), in [0, 1]"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("information", self.0).with("linfoot", linfoot(self.0))
    }
}

fn waves() -> (Vec<f64>, Vec<f64>) {
    (0..40).map(|i| f64::from(i) * 0.37).map(|t| (t.sin(), t.cos() + 0.1 * (3.1 * t).sin())).unzip()
}

/// `mutual-information`.
pub(super) struct InformationTask;

impl Measurement for InformationTask {
    const VERB: &'static str = "mutual-information";
    const SUMMARY: &'static str = "mutual information of two variables";
    type Params = MutualInformation;
    type Input<'a> = Pair;
    type Output = Information;
    fn measure(params: &Checked<MutualInformation>, input: Pair, ctx: &mut Context) -> Result<Information> {
        information(params, &input, ctx).map(Information)
    }
    fn example() -> Bundle<'static> {
        let (x, y) = waves();
        Bundle::new().with("x", x).with("y", y)
    }
}

/// One variable.
pub(super) struct One(Array1<f64>);

impl Input<'_> for One {
    const FIELDS: &'static [Field] = &[Field::columns("x", Shape::Vector, "variable (n,)")];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        let x = bundle.vector("x")?.into_owned();
        elinvar_core::check_finite_vector("x", x.view())?;
        match x.is_empty() {
            true => Err(Error::input("x must have at least 1 row, got 0")),
            false => Ok(Self(x)),
        }
    }
}

/// A number of bins.
pub(super) struct BinCount(usize);

impl Output for BinCount {
    const FIELDS: &'static [Field] = &[Field::new("n_bins", Shape::Scalar, "number of equal-width bins, between 2 and 99")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("n_bins", self.0 as f64)
    }
}

/// `bins`.
pub(super) struct BinsTask;

impl Measurement for BinsTask {
    const VERB: &'static str = "bins";
    const SUMMARY: &'static str = "number of bins of a variable by the rule of Birgé and Rozenholc";
    type Params = NoParams;
    type Input<'a> = One;
    type Output = BinCount;
    fn measure(_: &Checked<NoParams>, One(x): One, _: &mut Context) -> Result<BinCount> {
        Ok(BinCount(birge_rozenholc_bins(&x.to_vec())))
    }
    fn example() -> Bundle<'static> {
        Bundle::new().with("x", waves().0)
    }
}

/// Bandwidths compared.
pub(super) struct Compared {
    bandwidths: Vec<f64>,
    found: Stability,
}

impl Output for Compared {
    const FIELDS: &'static [Field] = &[
        Field::new("bandwidth", Shape::Scalar, "the bandwidth with the most stable ranking, in interquartile ranges"),
        Field::new("stability", Shape::Table, "bandwidth and the mean rank correlation between the scores of two halves of the rows"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        let table = Table::new()
            .with("bandwidth", Column::Number(self.bandwidths))
            .and_then(|t| t.with("stability", Column::Number(self.found.stability)))
            .unwrap_or_default();
        Bundle::new().with("bandwidth", self.found.bandwidth).with("stability", table)
    }
}

/// `choose-bandwidth`.
pub(super) struct BandwidthTask;

impl Measurement for BandwidthTask {
    const VERB: &'static str = "choose-bandwidth";
    const SUMMARY: &'static str = "the bandwidth whose ranking is the most stable between halves of the rows";
    type Params = BandwidthChoice;
    type Input<'a> = Data<'a>;
    type Output = Compared;
    fn measure(params: &Checked<BandwidthChoice>, input: Data<'_>, ctx: &mut Context) -> Result<Compared> {
        let block = input.x.block(0..input.x.names.len())?;
        let found = choose_bandwidth(params, block.view(), input.y.view(), &|j| input.x.names[j].clone(), ctx)?;
        Ok(Compared { bandwidths: params.bandwidths.clone(), found })
    }
    fn example() -> Bundle<'static> {
        example()
    }
}

/// Variables by their points.
pub(super) struct Combined(Table);

impl Output for Combined {
    const FIELDS: &'static [Field] = &[Field::new(
        "ranking",
        Shape::Table,
        "every variable, best first: points (variables that it beats, added over the estimators), rank",
    )];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("ranking", self.0)
    }
}

/// `combine`.
pub(super) struct CombineTask;

impl Measurement for CombineTask {
    const VERB: &'static str = "combine";
    const SUMMARY: &'static str = "rank variables by several estimators at once (Borda count)";
    type Params = Combination;
    type Input<'a> = Data<'a>;
    type Output = Combined;
    fn measure(params: &Checked<Combination>, input: Data<'_>, ctx: &mut Context) -> Result<Combined> {
        let names = input.x.names();
        let points = borda(params, input.x.block(0..names.len())?.view(), input.y.view(), &|j| names[j].clone(), ctx)?;
        let order = ranking(&points);
        Ok(Combined(
            Table::new()
                .with("variable", Column::Text(order.iter().map(|&j| Some(names[j].clone())).collect()))?
                .with("points", Column::Number(order.iter().map(|&j| points[j]).collect()))?
                .with("rank", Column::Integer((1..=order.len() as i64).collect()))?,
        ))
    }
    fn example() -> Bundle<'static> {
        example()
    }
}
