//! From Python to Rust: parameters become JSON, inputs become items of a bundle by the declared shape of their field.

use crate::error::{Raised, exception};
use crate::tables;
use elinvar_core::{Bundle, Error, Field, Function, Item, Result, Shape, SparseMatrix, Spec, Verb};
use numpy::{PyArray, PyArrayDescrMethods, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyMapping, PySequence, PyString, PyTuple};
use serde_json::{Map, Number, Value};

/// Parameters by keyword as JSON. `spec` only serves the messages; names and ranges are checked by the core.
pub(crate) fn parameters(params: &Bound<'_, PyDict>, spec: &Spec, slug: &str) -> PyResult<Map<String, Value>> {
    let mut values = Map::new();
    for (name, value) in params {
        let name: String = name.extract()?;
        let value = match json(&value) {
            Err(Trouble::NotFinite(f64::INFINITY)) if has_word(spec, &name, "inf") => Value::String("inf".into()),
            found => found.map_err(|trouble| exception(&trouble.about(&name, spec).in_method(slug)))?,
        };
        values.insert(name, value);
    }
    Ok(values)
}

/// Whether this word, and not any text, is a value of the parameter.
fn has_word(spec: &Spec, name: &str, word: &str) -> bool {
    let takes = |text: &str| spec.get(name).is_some_and(|p| p.check(&Value::String(text.into())).is_ok());
    takes(word) && !takes("no such word")
}

/// Why a Python value has no JSON form.
pub(crate) enum Trouble {
    /// NaN or infinity.
    NotFinite(f64),
    /// Another type; its `repr`.
    Strange(String),
}

impl Trouble {
    fn about(self, name: &str, spec: &Spec) -> Error {
        let expected = spec.get(name).map_or("a number, text, a list or a dict".to_owned(), |p| p.expected());
        match self {
            Trouble::NotFinite(x) => Error::parameter(name, "finite", x),
            Trouble::Strange(text) => Error::parameter(name, expected, text),
        }
    }
}

/// A Python value as JSON. NumPy's scalars and arrays count as numbers and lists.
pub(crate) fn json(value: &Bound<'_, PyAny>) -> std::result::Result<Value, Trouble> {
    let strange = || Trouble::Strange(value.repr().map_or("an object".into(), |text| text.to_string()));
    if value.is_none() {
        return Ok(Value::Null);
    }
    if let Ok(flag) = value.cast::<PyBool>() {
        return Ok(Value::Bool(flag.is_true()));
    }
    if value.is_instance_of::<PyInt>() {
        return whole_number(value).ok_or_else(strange);
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        let number = number.value();
        return Number::from_f64(number).map(Value::Number).ok_or(Trouble::NotFinite(number));
    }
    if let Ok(text) = value.cast::<PyString>() {
        return text.extract().map(Value::String).map_err(|_| strange());
    }
    if let Ok(plain) = value.call_method0("tolist") {
        return json(&plain);
    }
    if let Ok(items) = value.cast::<PyMapping>() {
        let items = items.items().map_err(|_| strange())?;
        return items
            .iter()
            .map(|pair| pair.extract::<(String, Bound<'_, PyAny>)>().map_err(|_| strange()).and_then(|(k, v)| Ok((k, json(&v)?))))
            .collect::<std::result::Result<Map<_, _>, _>>()
            .map(Value::Object);
    }
    if value.is_instance_of::<PySequence>() {
        let items = value.try_iter().map_err(|_| strange())?;
        return items.map(|item| item.map_err(|_| strange()).and_then(|item| json(&item))).collect();
    }
    if let Ok(path) = value.call_method0("__fspath__") {
        return json(&path);
    }
    Err(strange())
}

fn whole_number(value: &Bound<'_, PyAny>) -> Option<Value> {
    value.extract::<i64>().map(Value::from).or_else(|_| value.extract::<u64>().map(Value::from)).ok()
}

/// Inputs of a call, held so that arrays can be lent to Rust for as long as this lives.
pub(crate) struct Inputs<'py> {
    doubles: Vec<(String, PyReadonlyArrayDyn<'py, f64>)>,
    singles: Vec<(String, PyReadonlyArrayDyn<'py, f32>)>,
    owned: Vec<(String, Item<'static>)>,
}

impl<'py> Inputs<'py> {
    /// Reads the inputs of a verb from a dict; `None` stands for an absent one.
    pub(crate) fn read(inputs: &Bound<'py, PyDict>, verb: &Verb, raised: &Raised) -> PyResult<Self> {
        let mut read = Self { doubles: Vec::new(), singles: Vec::new(), owned: Vec::new() };
        for (name, value) in inputs {
            let name: String = name.extract()?;
            if value.is_none() {
                continue;
            }
            match verb.inputs.iter().find(|field| field.name == name) {
                Some(field) => read.field(field, &value, raised)?,
                // The core refuses strangers and names the nearest.
                None => read.owned.push((name, Item::Json(Value::Null))),
            }
        }
        Ok(read)
    }

    /// The bundle; arrays of NumPy are views of its memory.
    pub(crate) fn bundle(&mut self) -> Bundle<'_> {
        let mut bundle = Bundle::new();
        for (name, item) in self.owned.drain(..) {
            bundle.insert(name, with_any_lifetime(item));
        }
        for (name, array) in &self.doubles {
            bundle.insert(name.as_str(), array.as_array());
        }
        for (name, array) in &self.singles {
            bundle.insert(name.as_str(), array.as_array());
        }
        bundle
    }

    fn field(&mut self, field: &Field, value: &Bound<'py, PyAny>, raised: &Raised) -> PyResult<()> {
        let name = field.name.to_owned();
        let item = match field.shape {
            Shape::Scalar | Shape::Vector | Shape::Matrix | Shape::Tensor(_) => return self.numbers(name, value),
            Shape::Table => Item::Table(tables::table(value, field.name)?),
            Shape::Document => document(value, field.name)?,
            Shape::Json => Item::Json(json(value).map_err(|_| wrong(field.name, "a dict, list, number or text", value))?),
            Shape::Path => Item::Json(path(value, field.name)?.into()),
            Shape::Function => Item::Function(function(value, field.name, raised)?),
        };
        self.owned.push((name, item));
        Ok(())
    }

    /// Numbers: NumPy's `float64` and `float32` are lent, whole numbers and the rest converted.
    fn numbers(&mut self, name: String, value: &Bound<'py, PyAny>) -> PyResult<()> {
        if value.hasattr("tocsc")? {
            self.owned.push((name, Item::Sparse(sparse(value)?)));
            return Ok(());
        }
        let array = as_numpy(&name, value)?;
        let Some(array) = array else {
            self.owned.push((name.clone(), Item::Table(tables::table(value, &name)?)));
            return Ok(());
        };
        let aligned = array.getattr("flags")?.getattr("aligned")?.extract::<bool>()?;
        if aligned && let Ok(doubles) = array.extract() {
            self.doubles.push((name, doubles));
        } else if aligned && let Ok(singles) = array.extract() {
            self.singles.push((name, singles));
        } else {
            self.owned.push((name.clone(), converted(&name, &array)?));
        }
        Ok(())
    }
}

/// An item with its own memory, beside borrowed ones (`Item` is invariant in its lifetime, so this is spelled out).
fn with_any_lifetime<'a>(item: Item<'static>) -> Item<'a> {
    match item {
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

/// The value as a NumPy array, or `None` for a table, which keeps its names.
fn as_numpy<'py>(name: &str, value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    if tables::is_table(value)? {
        return Ok(None);
    }
    let array = value.py().import("numpy")?.call_method1("asarray", (value,))?;
    if array.is_instance_of::<PyUntypedArray>() { Ok(Some(array)) } else { Err(wrong(name, "an array of numbers", value)) }
}

/// A matrix of SciPy by compressed columns.
fn sparse(value: &Bound<'_, PyAny>) -> PyResult<SparseMatrix> {
    let columns = value.call_method0("tocsc")?;
    let whole = |name: &str| -> PyResult<Vec<i64>> {
        let array: Bound<'_, PyArrayDyn<i64>> = columns.getattr(name)?.call_method1("astype", ("int64",))?.extract()?;
        Ok(array.readonly().as_array().iter().copied().collect())
    };
    let values: Bound<'_, PyArrayDyn<f64>> = columns.getattr("data")?.call_method1("astype", ("float64",))?.extract()?;
    let values = values.readonly().as_array().iter().copied().collect();
    let (n_rows, _): (usize, usize) = columns.getattr("shape")?.extract()?;
    let negative = |_| PyValueError::new_err("a sparse matrix has an index below 0 or above 2^32");
    let starts = whole("indptr")?.into_iter().map(usize::try_from).collect::<Result<_, _>>().map_err(negative)?;
    let rows = whole("indices")?.into_iter().map(u32::try_from).collect::<Result<_, _>>().map_err(negative)?;
    SparseMatrix::new(n_rows, starts, rows, values).map_err(|error| exception(&error))
}

fn converted(name: &str, array: &Bound<'_, PyAny>) -> PyResult<Item<'static>> {
    let kind = array.cast::<PyUntypedArray>().map_err(|_| wrong(name, "an array of numbers", array))?.dtype().kind();
    match kind {
        b'c' => Err(PyValueError::new_err(format!("Complex data not supported: '{name}'"))),
        b'i' | b'u' | b'b' => {
            let array: Bound<'_, PyArrayDyn<i64>> = array.call_method1("astype", ("int64",))?.extract()?;
            Ok(Item::Integers(array.readonly().as_array().to_owned()))
        }
        _ => {
            let array: Bound<'_, PyArrayDyn<f64>> = array.call_method1("astype", ("float64",))?.extract()?;
            Ok(Item::from(array.readonly().as_array().to_owned()))
        }
    }
}

fn wrong(name: &str, expected: &str, got: &Bound<'_, PyAny>) -> PyErr {
    let kind = got.get_type().name().map_or("an object".into(), |name| name.to_string());
    PyTypeError::new_err(format!("'{name}' must be {expected}, got {kind}"))
}

/// Anything with a path, as text.
fn path(value: &Bound<'_, PyAny>, name: &str) -> PyResult<String> {
    let path = value.py().import("os")?.call_method1("fspath", (value,)).map_err(|_| wrong(name, "a path", value))?;
    path.extract().map_err(|_| wrong(name, "a path of text", value))
}

/// A document: a path is read, a dict is what the document would say, other text is taken as it is.
fn document(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Item<'static>> {
    if let Ok(items) = value.cast::<PyMapping>() {
        let value = json(items.as_any()).map_err(|_| wrong(name, "a dict of numbers, text and lists", value))?;
        return Ok(Item::Json(value));
    }
    let (path, text): (String, String) = value.py().import("elinvar._tables")?.call_method1("document", (value, name))?.extract()?;
    Ok(Item::Document { name: path, text })
}

/// A Python callable as a function of arrays. Its arguments are arrays in the order of the bundle; it returns an array (`value`), a pair
/// (`value`, `gradient`) or a dict of arrays by name.
fn function(value: &Bound<'_, PyAny>, name: &str, raised: &Raised) -> PyResult<Function> {
    if !value.is_callable() {
        return Err(wrong(name, "a callable", value));
    }
    let (callable, name, raised) = (value.clone().unbind(), name.to_owned(), raised.clone());
    Ok(Function::new(move |arguments| {
        Python::attach(|py| call(callable.bind(py), arguments)).map_err(|exception| {
            let error = Error::input(format!("the function '{name}' raised {exception}"));
            raised.keep(exception);
            error
        })
    }))
}

fn call(callable: &Bound<'_, PyAny>, arguments: &Bundle<'_>) -> PyResult<Bundle<'static>> {
    let py = callable.py();
    let arguments = arguments.iter().map(|(name, item)| lend(py, name, item)).collect::<PyResult<Vec<_>>>()?;
    let result = callable.call1(PyTuple::new(py, arguments)?)?;
    let named: Vec<(String, Bound<'_, PyAny>)> = if let Ok(dict) = result.cast::<PyDict>() {
        dict.iter().map(|(name, value)| Ok((name.extract()?, value))).collect::<PyResult<_>>()?
    } else if let Ok(pair) = result.cast::<PyTuple>() {
        ["value", "gradient"].into_iter().map(str::to_owned).zip(pair.iter()).collect()
    } else {
        vec![("value".to_owned(), result)]
    };
    let mut bundle = Bundle::new();
    for (name, value) in named {
        let array = py.import("numpy")?.call_method1("asarray", (value, "float64"))?;
        let array: Bound<'_, PyArrayDyn<f64>> = array.extract()?;
        bundle.insert(name, array.readonly().as_array().to_owned());
    }
    Ok(bundle)
}

/// A copy of an argument for a callable: Python may keep it longer than Rust keeps its memory.
fn lend<'py>(py: Python<'py>, name: &str, item: &Item<'_>) -> PyResult<Bound<'py, PyAny>> {
    match item {
        Item::Array(a) => Ok(PyArray::from_array(py, a).into_any()),
        Item::Array32(a) => Ok(PyArray::from_array(py, a).into_any()),
        Item::Integers(a) => Ok(PyArray::from_array(py, a).into_any()),
        Item::Json(v) => crate::to_python::json(py, v),
        other => Err(PyTypeError::new_err(format!("the argument '{name}' cannot be handed to Python: {}", other.describe()))),
    }
}

/// Seconds as a duration, or the one form of message.
pub(crate) fn seconds(name: &str, value: Option<f64>) -> Result<Option<std::time::Duration>> {
    match value {
        Some(x) if !(x > 0.0) => Err(Error::parameter(name, "> 0 or None", x)),
        Some(x) => std::time::Duration::try_from_secs_f64(x).map(Some).map_err(|_| Error::parameter(name, "a number of seconds", x)),
        None => Ok(None),
    }
}
