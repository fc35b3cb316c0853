//! From columns to the matrices of fixed and random effects: numbers as they are, text by treatment coding, products of columns.

use super::formula::{Formula, Product};
use super::params::{RandomEffects, RandomWord, TsallisMixedModel};
use elinvar_core::error::suggestion;
use elinvar_core::{Bundle, Column, Error, Item, Result, Table, check_finite};
use ndarray::{Array1, Array2, Axis};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Columns as they come in: a matrix, or a table that may hold text.
#[derive(Clone, Debug)]
pub enum Source {
    /// Numbers (n, d); its columns are called `x0`, `x1`, ...
    Matrix(Array2<f64>),
    /// Named columns.
    Table(Table),
}

impl Source {
    /// Reads the input of that name.
    ///
    /// # Errors
    /// A matrix with a cell that is not finite.
    pub fn from_bundle(bundle: &Bundle<'_>, name: &str) -> Result<Self> {
        match bundle.require(name)? {
            Item::Table(table) => Ok(Source::Table(table.clone())),
            _ => {
                let matrix = bundle.matrix(name)?;
                check_finite(name, matrix.view())?;
                Ok(Source::Matrix(matrix.into_owned()))
            }
        }
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        match self {
            Source::Matrix(m) => m.nrows(),
            Source::Table(t) => t.n_rows(),
        }
    }

    fn names(&self, letter: char) -> Vec<String> {
        match self {
            Source::Matrix(m) => (0..m.ncols()).map(|j| format!("{letter}{j}")).collect(),
            Source::Table(t) => t.names().to_vec(),
        }
    }

    fn column(&self, name: &str, letter: char) -> Result<Column> {
        match self {
            Source::Table(t) => t.column(name).cloned(),
            Source::Matrix(m) => {
                let place = name.strip_prefix(letter).and_then(|j| j.parse::<usize>().ok()).filter(|j| *j < m.ncols());
                let names = self.names(letter);
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let place = place.ok_or_else(|| {
                    Error::input(format!("there is no column '{name}'")).hint(suggestion(name, &names, "the columns are"))
                })?;
                Ok(Column::Number(m.column(place).to_vec()))
            }
        }
    }
}

/// One column of a product: a number, or whether a text has this level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Factor {
    column: String,
    level: Option<String>,
}

/// The columns of one matrix, each a product.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Terms {
    /// Letter of a matrix's columns.
    letter: char,
    columns: Vec<Vec<Factor>>,
    /// Levels of every text column, the first of which has no column of its own.
    levels: BTreeMap<String, Vec<String>>,
    /// Columns of the matrix where it was one.
    width: Option<usize>,
}

/// A text column of more levels than this, and of more than half as many as rows, names rows instead of grouping them.
const MANY_LEVELS: usize = 50;

impl Terms {
    /// Learns the columns of these products, all columns alone where none are given.
    ///
    /// # Errors
    /// A column that is absent, or a text with a level for almost every row.
    fn learn(source: &Source, products: Option<&[Product]>, letter: char) -> Result<Self> {
        let all: Vec<Product>;
        let products = match products {
            Some(products) => products,
            None => {
                all = source.names(letter).into_iter().map(|name| vec![name]).collect();
                &all
            }
        };
        let width = if let Source::Matrix(m) = source { Some(m.ncols()) } else { None };
        let mut terms = Terms { letter, columns: Vec::new(), levels: BTreeMap::new(), width };
        for product in products {
            let mut columns: Vec<Vec<Factor>> = vec![Vec::new()];
            for name in product {
                let choices = terms.choices(source, name)?;
                columns =
                    columns.iter().flat_map(|c| choices.iter().map(move |f| [c.as_slice(), std::slice::from_ref(f)].concat())).collect();
            }
            terms.columns.extend(columns);
        }
        Ok(terms)
    }

    /// The factors that a column gives: itself, or its levels but the first.
    fn choices(&mut self, source: &Source, name: &str) -> Result<Vec<Factor>> {
        let column = source.column(name, self.letter)?;
        if !matches!(column, Column::Text(_)) {
            return Ok(vec![Factor { column: name.to_owned(), level: None }]);
        }
        let mut levels: Vec<String> = column.to_labels().into_iter().flatten().collect();
        levels.sort();
        levels.dedup();
        if levels.len() > MANY_LEVELS && 2 * levels.len() > column.len() {
            let message = format!("column '{name}' has {} levels in {} rows: it names rows and is no feature", levels.len(), column.len());
            return Err(Error::input(message).hint("leave it out, or name the features (--features)"));
        }
        let factors = levels.iter().skip(1).map(|level| Factor { column: name.to_owned(), level: Some(level.clone()) }).collect();
        self.levels.insert(name.to_owned(), levels);
        Ok(factors)
    }

    /// Names of the columns: `age`, `Sex=Male`, `age:Sex=Male`.
    pub(super) fn names(&self) -> Vec<String> {
        let factor = |f: &Factor| f.level.as_ref().map_or_else(|| f.column.clone(), |level| format!("{}={level}", f.column));
        self.columns.iter().map(|c| c.iter().map(factor).collect::<Vec<_>>().join(":")).collect()
    }

    /// The matrix (n, columns).
    ///
    /// # Errors
    /// A column that is absent, a missing value, a level that was not there before.
    pub(super) fn matrix(&self, source: &Source) -> Result<Array2<f64>> {
        if let (Source::Matrix(m), Some(width)) = (source, self.width)
            && m.ncols() != width
        {
            let what = self.letter.to_uppercase();
            return Err(Error::input(format!("{what} has {} features, the model was fitted with {width}", m.ncols())));
        }
        let mut known: HashMap<&Factor, Array1<f64>> = HashMap::new();
        for factor in self.columns.iter().flatten() {
            if !known.contains_key(factor) {
                known.insert(factor, self.values(source, factor)?);
            }
        }
        let mut matrix = Array2::ones((source.n_rows(), self.columns.len()));
        for (mut target, factors) in matrix.columns_mut().into_iter().zip(&self.columns) {
            factors.iter().for_each(|factor| target *= &known[factor]);
        }
        Ok(matrix)
    }

    fn values(&self, source: &Source, factor: &Factor) -> Result<Array1<f64>> {
        let (name, column) = (&factor.column, source.column(&factor.column, self.letter)?);
        let Some(level) = &factor.level else {
            return Table::new().with(name.as_str(), column)?.numbers(name);
        };
        let levels = &self.levels[name];
        let code = |(row, label): (usize, Option<String>)| {
            let label = label.ok_or_else(|| {
                Error::input(format!("column '{name}' has a missing value in row {row}")).hint("drop or fill such rows first")
            })?;
            match levels.contains(&label) {
                true => Ok(f64::from(u8::from(label == *level))),
                false => Err(Error::input(format!(
                    "column '{name}' has the category '{label}' in row {row}, which was not there when the model was fitted"
                ))),
            }
        };
        column.to_labels().into_iter().enumerate().map(code).collect()
    }
}

impl std::hash::Hash for Factor {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (&self.column, &self.level).hash(state);
    }
}

impl Eq for Factor {}

/// Which input the random effects' columns come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum From {
    X,
    Z,
}

/// How the inputs become matrices; learned by a fit and applied by a prediction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Design {
    intercept: bool,
    fixed: Terms,
    random_intercept: bool,
    random: Terms,
    random_from: From,
    /// Column of X that names the group, where a formula says so.
    group: Option<String>,
}

/// The inputs of a fit.
#[derive(Clone, Debug)]
pub struct Data {
    /// Columns of the fixed effects; with a formula all columns.
    pub x: Source,
    /// Outcomes (n,); with a formula they may be a column of X.
    pub y: Option<Array1<f64>>,
    /// One column that names the group of each row; without it every row is a group and there are no random effects.
    pub groups: Option<Table>,
    /// Columns of random slopes.
    pub z: Option<Source>,
    /// Relative precision of every row's error (n,), > 0: its scatter is that of the errors over this. None: 1 everywhere.
    pub precision: Option<Array1<f64>>,
}

/// Matrices of a fit.
pub(super) struct Prepared {
    pub(super) design: Design,
    pub(super) y: Array1<f64>,
    pub(super) x: Array2<f64>,
    pub(super) z: Array2<f64>,
    pub(super) precision: Option<Array1<f64>>,
    pub(super) labels: Vec<String>,
    pub(super) codes: Vec<usize>,
}

impl Design {
    /// Learns from the inputs of a fit, and gives their matrices.
    ///
    /// # Errors
    /// Formulas, columns or lengths that do not fit together.
    pub(super) fn learn(params: &TsallisMixedModel, data: &Data) -> Result<Prepared> {
        let n = data.x.n_rows();
        if n == 0 {
            return Err(Error::input("X must have at least 1 row, got 0 sample(s)"));
        }
        let formula = params.formula.as_deref().map(Formula::parse).transpose()?;
        let y = outcomes(data, formula.as_ref())?;
        check_rows("y", y.len(), n)?;
        let group = formula.as_ref().and_then(|f| f.random.as_ref()).map(|r| r.group.clone());
        let names = match (&data.groups, &group) {
            (Some(groups), _) => Some(only_column(groups)?.clone()),
            (None, Some(name)) => Some(data.x.column(name, 'x')?),
            (None, None) => None,
        };
        let (labels, codes) = match &names {
            Some(column) => {
                check_rows("groups", column.len(), n)?;
                coded(column)?
            }
            None => ((0..n).map(|row| row.to_string()).collect(), (0..n).collect()),
        };
        let design = match &formula {
            Some(formula) => Self::of_formula(formula, data, group)?,
            None => Self::of_columns(params, data, names.is_some())?,
        };
        let (x, z) = (design.fixed_matrix(&data.x)?, design.random_matrix(&data.x, data.z.as_ref())?);
        let precision = data.precision.as_ref().map(|precision| checked_precision(precision, n)).transpose()?;
        Ok(Prepared { design, y, x, z, precision, labels, codes })
    }

    fn of_formula(formula: &Formula, data: &Data, group: Option<String>) -> Result<Self> {
        let fixed = Terms::learn(&data.x, Some(&formula.terms), 'x')?;
        let products = formula.random.as_ref().map_or(&[][..], |r| &r.terms);
        let random = Terms::learn(&data.x, Some(products), 'x')?;
        let random_intercept = formula.random.as_ref().is_some_and(|r| r.intercept);
        Ok(Self { intercept: formula.intercept, fixed, random_intercept, random, random_from: From::X, group })
    }

    fn of_columns(params: &TsallisMixedModel, data: &Data, grouped: bool) -> Result<Self> {
        let fixed = Terms::learn(&data.x, None, 'x')?;
        if !grouped {
            if data.z.is_some() {
                return Err(Error::input("Z holds random slopes, and there are no groups").hint("name the column of the groups"));
            }
            let random = Terms::learn(&data.x, Some(&[]), 'x')?;
            return Ok(Self { intercept: params.fit_intercept, fixed, random_intercept: false, random, random_from: From::X, group: None });
        }
        let (random, random_from) = match (&params.random_effects, &data.z) {
            (RandomEffects::Columns(names), None) => {
                let products: Vec<Product> = names.iter().map(|name| vec![name.clone()]).collect();
                (Terms::learn(&data.x, Some(&products), 'x')?, From::X)
            }
            (RandomEffects::Columns(names), Some(_)) => {
                let got = names.join(", ");
                return Err(Error::parameter("random_effects", "a word where Z is given", got).hint("leave out one of them"));
            }
            (RandomEffects::Word(_), Some(z)) => (Terms::learn(z, None, 'z')?, From::Z),
            (RandomEffects::Word(RandomWord::Slope), None) => (Terms::learn(&data.x, None, 'x')?, From::X),
            (RandomEffects::Word(RandomWord::Intercept), None) => (Terms::learn(&data.x, Some(&[]), 'x')?, From::X),
        };
        Ok(Self { intercept: params.fit_intercept, fixed, random_intercept: true, random, random_from, group: None })
    }

    /// Whether there is a fixed intercept.
    pub(super) fn has_intercept(&self) -> bool {
        self.intercept
    }

    /// Names of the fixed effects, `(intercept)` the first where there is one.
    pub(super) fn fixed_names(&self) -> Vec<String> {
        with_intercept(self.intercept, self.fixed.names())
    }

    /// Names of the random effects.
    pub(super) fn random_names(&self) -> Vec<String> {
        with_intercept(self.random_intercept, self.random.names())
    }

    /// Number of random effects.
    pub(super) fn n_random(&self) -> usize {
        self.random.columns.len() + usize::from(self.random_intercept)
    }

    /// The matrix of the fixed effects (n, p).
    ///
    /// # Errors
    /// Columns other than those of the fit.
    pub(super) fn fixed_matrix(&self, x: &Source) -> Result<Array2<f64>> {
        Ok(beside_ones(self.intercept, self.fixed.matrix(x)?))
    }

    /// The matrix of the random effects (n, q).
    ///
    /// # Errors
    /// Columns other than those of the fit, or no Z where the fit had one.
    pub(super) fn random_matrix(&self, x: &Source, z: Option<&Source>) -> Result<Array2<f64>> {
        let source = match (self.random_from, z) {
            (From::X, _) => x,
            (From::Z, Some(z)) => {
                check_rows("Z", z.n_rows(), x.n_rows())?;
                z
            }
            (From::Z, None) => {
                return Err(Error::input("the model was fitted with Z, and there is none").hint("give Z, or leave out the groups"));
            }
        };
        Ok(beside_ones(self.random_intercept, self.random.matrix(source)?))
    }

    /// Labels of the groups of rows to predict: those given, or the column that the formula names where X has it.
    ///
    /// # Errors
    /// Lengths that differ, or missing labels.
    pub(super) fn groups_of(&self, x: &Source, groups: Option<&Table>) -> Result<Option<Vec<String>>> {
        let column = match (groups, &self.group, x) {
            (Some(groups), _, _) => only_column(groups)?.clone(),
            (None, Some(name), Source::Table(table)) if table.column(name).is_ok() => table.column(name)?.clone(),
            _ => return Ok(None),
        };
        check_rows("groups", column.len(), x.n_rows())?;
        let (labels, codes) = coded(&column)?;
        Ok(Some(codes.into_iter().map(|code| labels[code].clone()).collect()))
    }
}

fn outcomes(data: &Data, formula: Option<&Formula>) -> Result<Array1<f64>> {
    match (&data.y, formula.and_then(|f| f.target.as_ref()), &data.x) {
        (Some(y), _, _) => {
            elinvar_core::check_finite_vector("y", y.view())?;
            Ok(y.clone())
        }
        (None, Some(target), Source::Table(table)) => table.numbers(target),
        _ => Err(Error::input("the outcome y is missing").hint("name its column (--target), or give a formula with a target")),
    }
}

fn checked_precision(precision: &Array1<f64>, n: usize) -> Result<Array1<f64>> {
    check_rows("precision", precision.len(), n)?;
    match precision.iter().position(|w| !(*w > 0.0 && w.is_finite())) {
        Some(row) => Err(Error::input(format!("precision must be > 0 and finite, got {} in row {row}", precision[row]))),
        None => Ok(precision.clone()),
    }
}

fn only_column(groups: &Table) -> Result<&Column> {
    match groups.names() {
        [name] => groups.column(name),
        names => Err(Error::input(format!("groups must be one column, got {}: {}", names.len(), names.join(", ")))
            .hint("nested groups need a column that names each of them")),
    }
}

/// Labels in the order of their first rows, and the place of each row's label.
fn coded(column: &Column) -> Result<(Vec<String>, Vec<usize>)> {
    let (mut labels, mut codes) = (Vec::new(), Vec::with_capacity(column.len()));
    let mut places: HashMap<String, usize> = HashMap::new();
    for (row, label) in column.to_labels().into_iter().enumerate() {
        let label = label.ok_or_else(|| Error::input(format!("groups has a missing value in row {row}")).hint("drop such rows first"))?;
        let next = places.len();
        codes.push(*places.entry(label).or_insert_with_key(|label| {
            labels.push(label.clone());
            next
        }));
    }
    Ok((labels, codes))
}

fn check_rows(name: &str, got: usize, expected: usize) -> Result<()> {
    if got == expected {
        return Ok(());
    }
    Err(Error::input(format!("{name} must have {expected} rows like X, got {got}")))
}

fn with_intercept(intercept: bool, names: Vec<String>) -> Vec<String> {
    intercept.then(|| "(intercept)".to_owned()).into_iter().chain(names).collect()
}

fn beside_ones(intercept: bool, matrix: Array2<f64>) -> Array2<f64> {
    if !intercept {
        return matrix;
    }
    let mut wide = Array2::ones((matrix.nrows(), matrix.ncols() + 1));
    wide.slice_axis_mut(Axis(1), (1..).into()).assign(&matrix);
    wide
}
