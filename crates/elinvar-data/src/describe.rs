//! What a file holds, for `elinvar data show FILE`.

use crate::container::Container;
use crate::delimited;
use crate::element::Dtype;
use crate::format::Format;
use crate::idx::Idx;
use crate::model::{self, ModelFile};
use crate::npy::Npy;
use crate::npz::{Named, Npz};
use crate::source::{Name, Source};
use crate::table;
use crate::tensor::TensorData;
use elinvar_core::{Column, Result, Table};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// First values that are shown of a column.
const FIRST: usize = 5;
/// Levels of a text column that are shown, most frequent first.
const LEVELS: usize = 10;

/// Describes a table, array, archive or model file as JSON.
///
/// Every description has `file`, `kind` (`table`, `array`, `arrays`, `model`) and `format`. A table has `rows` and `columns`, each
/// with `name`, `type`, `missing`, and `min`, `max`, `mean` or `levels`, and the `first` values. Arrays have `name`, `shape`,
/// `dtype`, and `missing`, `min`, `max`, `mean` of their elements. A model has `method`, `model_format`, `params`, `versions`.
///
/// # Errors
/// As for reading the file.
pub fn describe(path: impl AsRef<Path>) -> Result<Value> {
    from_source(Source::open(path.as_ref())?)
}

/// The same from memory; `name` stands in messages and as `file`.
pub fn describe_from(name: &str, bytes: &[u8]) -> Result<Value> {
    from_source(Source::from_bytes(name, bytes)?)
}

fn from_source(mut source: Source<'_>) -> Result<Value> {
    let (name, len, format) = (source.name.clone(), source.len, source.format);
    let mut head = head(&source);
    let rest = match format {
        Format::Csv | Format::Tsv => of_text(&name, &source.into_bytes()?, format == Format::Tsv)?,
        Format::Parquet | Format::Arrow | Format::RData => of_table(&table::from_source(source)?),
        Format::Npy => {
            let (stored, tensor) = Npy { name: &name, reader: &mut source, len, sure: true }.typed()?;
            of_array(stored, &tensor)
        }
        Format::Idx => {
            let (stored, tensor) = Idx { name: &name, reader: &mut source, len }.typed()?;
            of_array(stored, &tensor)
        }
        Format::Npz => of_arrays(&Npz::open(&name, source, len)?.tensors()?),
        Format::Safetensors => of_container(&name, &Container::open(&name, &source.into_bytes()?)?)?,
    };
    head.extend(rest);
    Ok(Value::Object(head))
}

fn head(source: &Source<'_>) -> Map<String, Value> {
    let compressed = if source.gzip { " (gzip)" } else { "" };
    object(json!({"file": source.name.as_str(), "format": format!("{}{compressed}", source.format.name())}))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// A table, or a matrix when there is no header.
fn of_text(name: &Name, bytes: &[u8], tabs_first: bool) -> Result<Map<String, Value>> {
    match delimited::has_no_header(name, bytes, tabs_first)? {
        true => Ok(of_array(Dtype::F64, &delimited::read_matrix(name, bytes, tabs_first)?.into())),
        false => Ok(of_table(&delimited::read_table(name, bytes, tabs_first)?)),
    }
}

fn of_array(stored: Dtype, tensor: &TensorData) -> Map<String, Value> {
    let mut map = object(json!({"kind": "array"}));
    map.extend(of_tensor(stored, tensor));
    map
}

fn of_container(name: &Name, container: &Container<'_>) -> Result<Map<String, Value>> {
    let mut map = of_arrays(&container.tensors()?);
    if container.metadata().contains_key(model::MARK) {
        let model = ModelFile::from_container(name, container)?;
        map.extend(object(json!({
            "kind": "model",
            "method": model.slug,
            "model_format": model.format,
            "params": model.params,
            "versions": model.versions,
        })));
    }
    Ok(map)
}

fn of_arrays(arrays: &[Named]) -> Map<String, Value> {
    let entry = |array: &Named| {
        let mut entry = object(json!({"name": array.name}));
        entry.extend(of_tensor(array.stored, &array.tensor));
        Value::Object(entry)
    };
    let entries: Value = arrays.iter().map(entry).collect();
    let mut map = object(json!({"kind": "arrays"}));
    map.insert("arrays".into(), entries);
    map
}

fn of_tensor(stored: Dtype, tensor: &TensorData) -> Map<String, Value> {
    let mut map = object(json!({"shape": tensor.shape(), "dtype": stored.name()}));
    map.extend(match tensor {
        TensorData::F64(array) => statistics(array.iter().copied()),
        TensorData::F32(array) => statistics(array.iter().map(|&x| x.into())),
        TensorData::I64(array) => statistics(array.iter().map(|&x| x as f64)),
        TensorData::U8(array) => statistics(array.iter().map(|&x| x.into())),
    });
    map
}

fn of_table(table: &Table) -> Map<String, Value> {
    let column = |(name, column): (&str, &Column)| {
        let mut entry = object(json!({"name": name, "type": column.kind()}));
        entry.extend(match column {
            Column::Number(values) => statistics(values.iter().copied()),
            Column::Integer(values) => statistics(values.iter().map(|&x| x as f64)),
            Column::Bool(values) => levels(values.iter().map(|&b| Some(if b { "true" } else { "false" }))),
            Column::Text(values) => levels(values.iter().map(Option::as_deref)),
        });
        entry.insert("first".into(), first(column));
        Value::Object(entry)
    };
    let columns: Value = table.iter().map(column).collect();
    let mut map = object(json!({"kind": "table", "rows": table.n_rows()}));
    map.insert("columns".into(), columns);
    map
}

/// Missing count, extremes and mean; the last three are null when there is nothing finite.
fn statistics(values: impl Iterator<Item = f64>) -> Map<String, Value> {
    let (mut missing, mut infinite, mut count) = (0_usize, 0_usize, 0_usize);
    let (mut low, mut high, mut mean) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
    for x in values {
        if x.is_nan() {
            missing += 1;
        } else if x.is_infinite() {
            infinite += 1;
        } else {
            count += 1;
            low = low.min(x);
            high = high.max(x);
            // A running mean neither overflows nor loses small values behind a large sum.
            mean += x / count as f64 - mean / count as f64;
        }
    }
    let known = |x: f64| (count > 0).then_some(x);
    let mut map = object(json!({"missing": missing, "min": known(low), "max": known(high), "mean": known(mean)}));
    if infinite > 0 {
        map.insert("infinite".into(), infinite.into());
    }
    map
}

/// Missing count, number of distinct levels, and the most frequent with their counts.
fn levels<'a>(cells: impl Iterator<Item = Option<&'a str>>) -> Map<String, Value> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut missing = 0_usize;
    for cell in cells {
        match cell {
            Some(text) => *counts.entry(text).or_default() += 1,
            None => missing += 1,
        }
    }
    let distinct = counts.len();
    let mut ranked: Vec<(&str, usize)> = counts.into_iter().collect();
    // A stable sort: equally frequent levels stay in alphabetical order.
    ranked.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    let shown: Map<String, Value> = ranked.into_iter().take(LEVELS).map(|(text, count)| (text.to_owned(), count.into())).collect();
    object(json!({"missing": missing, "distinct": distinct, "levels": shown}))
}

fn first(column: &Column) -> Value {
    match column {
        Column::Number(v) => v.iter().take(FIRST).map(|&x| Value::from(x)).collect(),
        Column::Integer(v) => v.iter().take(FIRST).map(|&x| Value::from(x)).collect(),
        Column::Bool(v) => v.iter().take(FIRST).map(|&x| Value::from(x)).collect(),
        Column::Text(v) => v.iter().take(FIRST).map(|x| Value::from(x.clone())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_table_is_described_by_column() {
        let value = describe_from("t.csv", b"x,s,n\n1.5,b,1\nNA,a,2\n-0.5,b,3\n").unwrap();
        let expected = json!({
            "file": "t.csv", "format": "CSV", "kind": "table", "rows": 3, "columns": [
                {"name": "x", "type": "number", "missing": 1, "min": -0.5, "max": 1.5, "mean": 0.5, "first": [1.5, null, -0.5]},
                {"name": "s", "type": "text", "missing": 0, "distinct": 2, "levels": {"b": 2, "a": 1}, "first": ["b", "a", "b"]},
                {"name": "n", "type": "integer", "missing": 0, "min": 1.0, "max": 3.0, "mean": 2.0, "first": [1, 2, 3]},
            ]
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn text_without_a_header_is_a_matrix() {
        let value = describe_from("t.csv", b"1,2\n3,NA\n").unwrap();
        let expected = json!({
            "file": "t.csv", "format": "CSV", "kind": "array", "shape": [2, 2], "dtype": "f64", "missing": 1, "min": 1.0, "max": 3.0, "mean": 2.0
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn a_model_is_described_with_its_arrays() {
        let model = ModelFile {
            slug: "monge-gap".into(),
            format: 1,
            params: json!({"epsilon": 0.1}),
            versions: BTreeMap::from([("elinvar".into(), "0.1.0".into())]),
            arrays: vec![("w".into(), array![[1.0, f64::INFINITY]].into())],
            json: Value::Null,
        };
        let value = describe_from("m.safetensors", &model.to_bytes().unwrap()).unwrap();
        assert_eq!((&value["kind"], &value["method"], &value["model_format"]), (&json!("model"), &json!("monge-gap"), &json!(1)));
        let expected =
            json!([{"name": "w", "shape": [1, 2], "dtype": "f64", "missing": 0, "min": 1.0, "max": 1.0, "mean": 1.0, "infinite": 1}]);
        assert_eq!(value["arrays"], expected);
    }
}
