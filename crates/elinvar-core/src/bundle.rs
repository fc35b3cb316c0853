//! Named inputs and outputs: the dynamic twin of the typed structs, declared once as data.

use crate::error::{Error, Result, suggestion};
use crate::table::Table;
use ndarray::{Array, ArrayD, ArrayView1, ArrayView2, ArrayViewD, CowArray, Dimension, Ix1, Ix2, IxDyn};
use serde::Serialize;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// What a named input or output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// One number.
    Scalar,
    /// One number a row.
    Vector,
    /// Rows x columns.
    Matrix,
    /// An array of this rank.
    Tensor(usize),
    /// Named columns.
    Table,
    /// The text of a file whose name tells its format.
    Document,
    /// Anything that JSON can hold.
    Json,
    /// A function of arrays.
    Function,
    /// The path of a file that the method reads itself, in pieces; a JSON string in a bundle.
    Path,
}

/// How the command line gets an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A file of its own: `--source a.npy`.
    File,
    /// One or more columns of the data table: `data.csv --target y`, `--protected gender,age`.
    Columns,
    /// The columns of the data table that no other input took.
    Rest,
    /// The array of that name in the data archive: `data.npz` holds `X` and `y`.
    Member,
}

/// Declaration of one input or output.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Field {
    /// Name in Rust and Python; the flag has `-` for `_`.
    pub name: &'static str,
    /// Flag of the command line where it differs from the name.
    pub flag: Option<&'static str>,
    /// What it is.
    pub shape: Shape,
    /// How the command line gets it.
    pub origin: Origin,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether cells may be missing (NaN).
    pub gaps: bool,
    /// Meaning, with shape and unit.
    pub doc: &'static str,
}

impl Field {
    /// An input from a file of its own, or an output.
    pub const fn new(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, flag: None, shape, origin: Origin::File, optional: false, gaps: false, doc }
    }

    /// An input that is one or more columns of the data table.
    pub const fn columns(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, flag: None, shape, origin: Origin::Columns, optional: false, gaps: false, doc }
    }

    /// An input made of the columns that no other input took.
    pub const fn rest(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, flag: None, shape, origin: Origin::Rest, optional: false, gaps: false, doc }
    }

    /// An input that is an array of the data archive.
    pub const fn member(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, flag: None, shape, origin: Origin::Member, optional: false, gaps: false, doc }
    }

    /// May be left out.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// May have missing cells (NaN).
    #[must_use]
    pub const fn with_gaps(mut self) -> Self {
        self.gaps = true;
        self
    }

    /// Has another name on the command line.
    #[must_use]
    pub const fn flag(mut self, flag: &'static str) -> Self {
        self.flag = Some(flag);
        self
    }

    /// The flag of the command line, without dashes in front.
    pub fn flag_name(&self) -> String {
        self.flag.unwrap_or(self.name).replace('_', "-")
    }
}

/// A function of arrays that a user brings, such as a ground cost in Python.
#[derive(Clone)]
pub struct Function(Arc<Call>);

type Call = dyn Fn(&Bundle<'_>) -> Result<Bundle<'static>> + Send + Sync;

impl Function {
    /// Wraps a closure.
    pub fn new(f: impl Fn(&Bundle<'_>) -> Result<Bundle<'static>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(f))
    }

    /// Calls it.
    pub fn call(&self, arguments: &Bundle<'_>) -> Result<Bundle<'static>> {
        (self.0)(arguments)
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Function")
    }
}

/// A sparse matrix by compressed columns (CSC).
#[derive(Clone, Debug, PartialEq)]
pub struct SparseMatrix {
    n_rows: usize,
    starts: Vec<usize>,
    rows: Vec<u32>,
    values: Vec<f64>,
}

impl SparseMatrix {
    /// From the number of rows, the `starts` of the p columns with the end of the last (p + 1), and row and value of every number.
    ///
    /// # Errors
    /// Starts that do not rise from 0 to the number of values, or a row outside the matrix.
    pub fn new(n_rows: usize, starts: Vec<usize>, rows: Vec<u32>, values: Vec<f64>) -> Result<Self> {
        let fits = starts.first() == Some(&0) && starts.is_sorted() && starts.last() == Some(&values.len()) && rows.len() == values.len();
        if !fits {
            let message = format!("a sparse matrix needs starts that rise from 0 to its {} values, and a row for each", values.len());
            return Err(Error::input(message));
        }
        match rows.iter().find(|&&row| row as usize >= n_rows) {
            Some(row) => Err(Error::input(format!("a sparse matrix of {n_rows} rows has a value in row {row}"))),
            None => Ok(Self { n_rows, starts, rows, values }),
        }
    }

    /// Rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Columns.
    pub fn n_columns(&self) -> usize {
        self.starts.len() - 1
    }

    /// Row and value of the stored numbers of a column.
    pub fn column(&self, j: usize) -> impl Iterator<Item = (usize, f64)> {
        let range = self.starts[j]..self.starts[j + 1];
        self.rows[range.clone()].iter().map(|&row| row as usize).zip(self.values[range].iter().copied())
    }
}

/// One value of a bundle. Arrays may be borrowed, so that NumPy's memory is read in place.
#[derive(Clone, Debug)]
pub enum Item<'a> {
    /// Real numbers.
    Array(CowArray<'a, f64, IxDyn>),
    /// Single-precision numbers.
    Array32(CowArray<'a, f32, IxDyn>),
    /// Whole numbers.
    Integers(ArrayD<i64>),
    /// Real numbers, most of them 0.
    Sparse(SparseMatrix),
    /// Named columns.
    Table(Table),
    /// Text with the name of the file that it came from.
    Document {
        /// File name; its extension tells the format.
        name: String,
        /// The text.
        text: String,
    },
    /// Anything that JSON can hold.
    Json(Value),
    /// A function.
    Function(Function),
}

impl Item<'_> {
    /// What it is, in a word.
    pub fn describe(&self) -> String {
        let array = |shape: &[usize]| format!("an array of shape {shape:?}");
        match self {
            Item::Array(a) => array(a.shape()),
            Item::Array32(a) => array(a.shape()),
            Item::Integers(a) => array(a.shape()),
            Item::Sparse(m) => format!("a sparse matrix of shape [{}, {}]", m.n_rows(), m.n_columns()),
            Item::Table(t) => format!("a table of {} rows and {} columns", t.n_rows(), t.n_columns()),
            Item::Document { name, .. } => format!("the document '{name}'"),
            Item::Json(_) => "a JSON value".into(),
            Item::Function(_) => "a function".into(),
        }
    }

    /// The same with its own memory.
    pub fn into_owned(self) -> Item<'static> {
        match self {
            Item::Array(a) => Item::Array(a.into_owned().into()),
            Item::Array32(a) => Item::Array32(a.into_owned().into()),
            Item::Integers(a) => Item::Integers(a),
            Item::Sparse(m) => Item::Sparse(m),
            Item::Table(t) => Item::Table(t),
            Item::Document { name, text } => Item::Document { name, text },
            Item::Json(v) => Item::Json(v),
            Item::Function(f) => Item::Function(f),
        }
    }
}

impl<D: Dimension> From<Array<f64, D>> for Item<'_> {
    fn from(array: Array<f64, D>) -> Self {
        Item::Array(array.into_dyn().into())
    }
}
impl<D: Dimension> From<Array<f32, D>> for Item<'_> {
    fn from(array: Array<f32, D>) -> Self {
        Item::Array32(array.into_dyn().into())
    }
}
impl<D: Dimension> From<Array<i64, D>> for Item<'_> {
    fn from(array: Array<i64, D>) -> Self {
        Item::Integers(array.into_dyn())
    }
}
impl From<f64> for Item<'_> {
    fn from(x: f64) -> Self {
        Item::Array(ndarray::arr0(x).into_dyn().into())
    }
}
impl From<Vec<f64>> for Item<'_> {
    fn from(v: Vec<f64>) -> Self {
        ndarray::Array1::from_vec(v).into()
    }
}
impl From<SparseMatrix> for Item<'_> {
    fn from(matrix: SparseMatrix) -> Self {
        Item::Sparse(matrix)
    }
}
impl From<Table> for Item<'_> {
    fn from(table: Table) -> Self {
        Item::Table(table)
    }
}
impl From<Value> for Item<'_> {
    fn from(value: Value) -> Self {
        Item::Json(value)
    }
}
impl<'a> From<ArrayViewD<'a, f64>> for Item<'a> {
    fn from(view: ArrayViewD<'a, f64>) -> Self {
        Item::Array(view.into())
    }
}
impl<'a> From<ArrayViewD<'a, f32>> for Item<'a> {
    fn from(view: ArrayViewD<'a, f32>) -> Self {
        Item::Array32(view.into())
    }
}

/// Named items in order.
#[derive(Clone, Debug, Default)]
pub struct Bundle<'a>(Vec<(String, Item<'a>)>);

impl<'a> Bundle<'a> {
    /// An empty bundle.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces an item.
    pub fn insert(&mut self, name: impl Into<String>, item: impl Into<Item<'a>>) {
        let name = name.into();
        let item = item.into();
        match self.0.iter_mut().find(|(n, _)| *n == name) {
            Some(slot) => slot.1 = item,
            None => self.0.push((name, item)),
        }
    }

    /// The same, for building in one expression.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, item: impl Into<Item<'a>>) -> Self {
        self.insert(name, item);
        self
    }

    /// The item of that name.
    pub fn get(&self, name: &str) -> Option<&Item<'a>> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, item)| item)
    }

    /// Takes the item of that name out.
    pub fn remove(&mut self, name: &str) -> Option<Item<'a>> {
        let position = self.0.iter().position(|(n, _)| n == name)?;
        Some(self.0.remove(position).1)
    }

    /// Names and items in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Item<'a>)> {
        self.0.iter().map(|(name, item)| (name.as_str(), item))
    }

    /// The names in order.
    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same with its own memory.
    pub fn into_owned(self) -> Bundle<'static> {
        Bundle(self.0.into_iter().map(|(name, item)| (name, item.into_owned())).collect())
    }

    /// Feeds names, shapes and all numbers and texts to a hash, so that two bundles with the same hash hold the same data.
    ///
    /// # Errors
    /// For a function: whether two of them are the same cannot be known.
    pub fn hash(&self, hasher: &mut blake3::Hasher) -> Result<()> {
        for (name, item) in self.iter() {
            // Names and texts have their length in front, so that none runs into the next.
            hash_text(hasher, name);
            hash_item(hasher, name, item)?;
        }
        Ok(())
    }

    /// An item that must be there.
    pub fn require(&self, name: &str) -> Result<&Item<'a>> {
        self.get(name).ok_or_else(|| Error::input(format!("the input '{name}' is missing")))
    }

    /// A double-precision array of any rank; single precision and whole numbers are converted, a double-precision one is borrowed.
    pub fn array(&self, name: &str) -> Result<CowArray<'_, f64, IxDyn>> {
        match self.require(name)? {
            Item::Array(a) => Ok(a.view().into()),
            Item::Array32(a) => Ok(a.mapv(f64::from).into()),
            Item::Integers(a) => Ok(a.mapv(|x| x as f64).into()),
            Item::Table(t) => Ok(t.matrix()?.into_dyn().into()),
            other => Err(wrong(name, "an array of numbers", other)),
        }
    }

    /// A single-precision array of any rank; other numbers are converted.
    pub fn array32(&self, name: &str) -> Result<CowArray<'_, f32, IxDyn>> {
        match self.require(name)? {
            Item::Array32(a) => Ok(a.view().into()),
            Item::Integers(a) => Ok(a.mapv(|x| x as f32).into()),
            _ => Ok(self.array(name)?.mapv(|x| x as f32).into()),
        }
    }

    /// One number a row. A matrix of one column counts as well.
    pub fn vector(&self, name: &str) -> Result<CowArray<'_, f64, Ix1>> {
        let array = self.array(name)?;
        let array = match array.shape() {
            [n, 1] => {
                let n = *n;
                array.to_shape(IxDyn(&[n])).map_err(|e| Error::internal(e.to_string()))?.into_owned().into()
            }
            _ => array,
        };
        let got = array.shape().to_vec();
        array.into_dimensionality().map_err(|_| Error::input(format!("'{name}' must be a vector, got an array of shape {got:?}")))
    }

    /// Rows x columns.
    pub fn matrix(&self, name: &str) -> Result<CowArray<'_, f64, Ix2>> {
        into_matrix(name, self.array(name)?)
    }

    /// Rows x columns in single precision.
    pub fn matrix32(&self, name: &str) -> Result<CowArray<'_, f32, Ix2>> {
        into_matrix(name, self.array32(name)?)
    }

    /// One number.
    pub fn scalar(&self, name: &str) -> Result<f64> {
        let array = self.array(name)?;
        match (array.len(), array.first()) {
            (1, Some(&x)) => Ok(x),
            _ => Err(Error::input(format!("'{name}' must be one number, got an array of shape {:?}", array.shape()))),
        }
    }

    /// Named columns; a matrix or vector becomes columns `name0`, `name1`, ... or `name`.
    pub fn table(&self, name: &str) -> Result<Table> {
        match self.require(name)? {
            Item::Table(t) => Ok(t.clone()),
            Item::Array(_) | Item::Array32(_) | Item::Integers(_) => self.table_from_array(name),
            other => Err(wrong(name, "a table", other)),
        }
    }

    fn table_from_array(&self, name: &str) -> Result<Table> {
        use crate::table::Column;
        let array = self.array(name)?;
        let whole = matches!(self.get(name), Some(Item::Integers(_)));
        let column = |values: ArrayView1<'_, f64>| match whole {
            true => Column::Integer(values.iter().map(|&x| x as i64).collect()),
            false => Column::Number(values.to_vec()),
        };
        match array.ndim() {
            1 => {
                let vector = array.view().into_dimensionality::<Ix1>().map_err(|e| Error::internal(e.to_string()))?;
                Table::new().with(name, column(vector))
            }
            2 => {
                let matrix = into_matrix(name, array)?;
                matrix.columns().into_iter().enumerate().try_fold(Table::new(), |t, (j, c)| t.with(format!("{name}{j}"), column(c)))
            }
            rank => Err(Error::input(format!("'{name}' must be a table, a matrix or a vector, got an array of rank {rank}"))),
        }
    }

    /// File name and text of a document.
    pub fn document(&self, name: &str) -> Result<(&str, &str)> {
        match self.require(name)? {
            Item::Document { name, text } => Ok((name, text)),
            other => Err(wrong(name, "a document", other)),
        }
    }

    /// A JSON value.
    pub fn json(&self, name: &str) -> Result<&Value> {
        match self.require(name)? {
            Item::Json(value) => Ok(value),
            other => Err(wrong(name, "a JSON value", other)),
        }
    }

    /// A function.
    pub fn function(&self, name: &str) -> Result<&Function> {
        match self.require(name)? {
            Item::Function(f) => Ok(f),
            other => Err(wrong(name, "a function", other)),
        }
    }

    /// Checks that every required field is there and nothing else.
    ///
    /// # Errors
    /// Names what is missing, or the nearest name of what is not known.
    pub fn check(&self, fields: &[Field]) -> Result<()> {
        let names: Vec<&str> = fields.iter().map(|f| f.name).collect();
        if let Some(stranger) = self.names().iter().find(|n| !names.contains(*n)) {
            return Err(Error::input(format!("there is no input '{stranger}'")).hint(suggestion(stranger, &names, "the inputs are")));
        }
        match fields.iter().find(|f| !f.optional && self.get(f.name).is_none()) {
            Some(field) => Err(Error::input(format!("the input '{}' is missing", field.name)).hint(format!("it is: {}", field.doc))),
            None => Ok(()),
        }
    }
}

fn hash_text(hasher: &mut blake3::Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
}

fn hash_numbers<const N: usize>(hasher: &mut blake3::Hasher, shape: &[usize], numbers: impl Iterator<Item = [u8; N]>) {
    for &n in shape {
        hasher.update(&(n as u64).to_le_bytes());
    }
    let mut block = Vec::with_capacity(1 << 16);
    for bytes in numbers {
        block.extend_from_slice(&bytes);
        if block.len() + N > block.capacity() {
            hasher.update(&block);
            block.clear();
        }
    }
    hasher.update(&block);
}

fn hash_item(hasher: &mut blake3::Hasher, name: &str, item: &Item<'_>) -> Result<()> {
    match item {
        Item::Array(a) => hash_numbers(hasher, a.shape(), a.iter().map(|x| x.to_le_bytes())),
        Item::Array32(a) => hash_numbers(hasher, a.shape(), a.iter().map(|x| x.to_le_bytes())),
        Item::Integers(a) => hash_numbers(hasher, a.shape(), a.iter().map(|x| x.to_le_bytes())),
        Item::Sparse(m) => {
            let cells = (0..m.n_columns()).flat_map(|j| {
                m.column(j).map(move |(row, x)| [(j as u64).to_le_bytes(), (row as u64).to_le_bytes(), x.to_le_bytes()].concat())
            });
            hash_numbers(hasher, &[m.n_rows(), m.n_columns()], cells.map(|bytes| <[u8; 24]>::try_from(bytes).unwrap_or_default()));
        }
        Item::Table(table) => {
            for (name, column) in table.iter() {
                hash_text(hasher, name);
                hash_text(hasher, column.kind());
                hash_numbers::<8>(hasher, &[column.len()], column.to_numbers().into_iter().flatten().map(|x| x.to_le_bytes()));
                if column.kind() == "text" {
                    column.to_labels().iter().for_each(|label| hash_text(hasher, label.as_deref().unwrap_or("\0")));
                }
            }
        }
        Item::Document { name, text } => {
            hash_text(hasher, name);
            hash_text(hasher, text);
        }
        Item::Json(value) => hash_text(hasher, &value.to_string()),
        Item::Function(_) => {
            let message = format!("'{name}' is a function, and whether stored trials were made with the same one cannot be known");
            return Err(Error::input(message).hint("choose one of the built-in values"));
        }
    }
    Ok(())
}

fn wrong(name: &str, expected: &str, got: &Item<'_>) -> Error {
    Error::input(format!("'{name}' must be {expected}, got {}", got.describe()))
}

fn into_matrix<'a, T: Clone>(name: &str, array: CowArray<'a, T, IxDyn>) -> Result<CowArray<'a, T, Ix2>> {
    let got = array.shape().to_vec();
    array.into_dimensionality().map_err(|_| {
        Error::input(format!("'{name}' must be a matrix (rows x columns), got an array of shape {got:?}"))
            .hint("reshape a single column to (n, 1)")
    })
}

/// Refuses NaN and infinity in a matrix, naming the first row and column.
pub fn check_finite<T: Copy + Into<f64>>(name: &str, matrix: ArrayView2<'_, T>) -> Result<()> {
    let bad = matrix.indexed_iter().find(|(_, x)| !Into::<f64>::into(**x).is_finite());
    match bad {
        Some(((row, column), _)) => {
            Err(Error::input(format!("{name} contains a non-finite value at row {row}, column {column}"))
                .hint("drop or fill such rows first"))
        }
        None => Ok(()),
    }
}

/// Refuses NaN and infinity in a vector, naming the first row.
pub fn check_finite_vector<T: Copy + Into<f64>>(name: &str, vector: ArrayView1<'_, T>) -> Result<()> {
    match vector.iter().position(|x| !Into::<f64>::into(*x).is_finite()) {
        Some(row) => Err(Error::input(format!("{name} contains a non-finite value at row {row}")).hint("drop or fill such rows first")),
        None => Ok(()),
    }
}

/// Typed inputs of a task.
pub trait Input<'a>: Sized {
    /// Declaration of every input.
    const FIELDS: &'static [Field];
    /// Reads the typed struct; names and presence are checked before.
    fn from_bundle(bundle: &'a Bundle<'_>) -> Result<Self>;
}

/// Typed outputs of a task.
pub trait Output: Sized {
    /// Declaration of every output.
    const FIELDS: &'static [Field];
    /// The dynamic twin.
    fn into_bundle(self) -> Bundle<'static>;
}

/// No inputs.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoInput;

impl Input<'_> for NoInput {
    const FIELDS: &'static [Field] = &[];
    fn from_bundle(_: &Bundle<'_>) -> Result<Self> {
        Ok(NoInput)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn arrays_are_borrowed_or_converted() {
        let owned = array![[1.0, 2.0], [3.0, 4.0]].into_dyn();
        let bundle = Bundle::new().with("x", owned.view()).with("k", array![1_i64, 2]);
        assert!(bundle.array("x").unwrap().is_view());
        assert_eq!(bundle.vector("k").unwrap().to_vec(), [1.0, 2.0]);
        assert!(bundle.vector("x").unwrap_err().to_string().contains("'x' must be a vector, got an array of shape [2, 2]"));
    }

    #[test]
    fn check_names_what_is_missing_and_what_is_strange() {
        const FIELDS: &[Field] =
            &[Field::new("source", Shape::Matrix, "source points (n, d)"), Field::new("weights", Shape::Vector, "w").optional()];
        let missing = Bundle::new().check(FIELDS).unwrap_err().to_string();
        assert_eq!(missing, "the input 'source' is missing; it is: source points (n, d)");
        let strange = Bundle::new().with("souce", 1.0).check(FIELDS).unwrap_err().to_string();
        assert_eq!(strange, "there is no input 'souce'; did you mean 'source'?");
    }

    #[test]
    fn tables_come_from_arrays_too() {
        let bundle = Bundle::new().with("s", array![[1_i64, 2], [3, 4]]);
        assert_eq!(bundle.table("s").unwrap().names(), ["s0", "s1"]);
    }

    #[test]
    fn non_finite_cells_are_named() {
        let error = check_finite("X", array![[1.0, f64::NAN]].view()).unwrap_err().to_string();
        assert!(error.starts_with("X contains a non-finite value at row 0, column 1"), "{error}");
    }
}
