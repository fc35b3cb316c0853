//! The safetensors format: a JSON header, then the tensors without gaps.

use crate::element::{Dtype, Elements, Layout, Number};
use crate::limits::{MAX_HEADER, human, json_too_deep};
use crate::npz::{Named, choose};
use crate::source::Name;
use crate::tensor::TensorData;
use elinvar_core::{Error, Result};
use ndarray::ArrayD;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype as StoredDtype, Metadata, TensorView};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::Write;

const METADATA: &str = "__metadata__";

/// A safetensors file in memory, its header checked against its length.
pub(crate) struct Container<'a> {
    name: Name,
    tensors: SafeTensors<'a>,
    header: Metadata,
}

impl<'a> Container<'a> {
    pub(crate) fn open(name: &Name, bytes: &'a [u8]) -> Result<Self> {
        check_header(name, bytes)?;
        let damaged = |e: safetensors::SafeTensorError| name.damaged(format!("damaged safetensors file: {e}")).caused_by(e);
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(damaged)?;
        Ok(Self { name: name.clone(), tensors, header })
    }

    /// Names of the tensors in the order of the file.
    pub(crate) fn names(&self) -> Vec<String> {
        self.header.offset_keys()
    }

    /// The `__metadata__` of the header.
    pub(crate) fn metadata(&self) -> BTreeMap<String, String> {
        self.header.metadata().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// The tensor of that name, or the only one, in its own type.
    pub(crate) fn tensor(&self, member: Option<&str>) -> Result<TensorData> {
        self.with_member(member, |elements, layout, count| elements.tensor(layout, count))
    }

    /// The same as numbers of type `T`.
    pub(crate) fn array<T: Number>(&self, member: Option<&str>) -> Result<ArrayD<T>> {
        self.with_member(member, |elements, layout, count| elements.array(layout, count))
    }

    /// All tensors in the order of the file, with their types on disk.
    pub(crate) fn tensors(&self) -> Result<Vec<Named>> {
        let read = |name: String| {
            let typed = |elements: Elements<'_>, layout: &Layout, count| Ok((layout.dtype, elements.tensor(layout, count)?));
            let (stored, tensor) = self.with_member(Some(&name), typed)?;
            Ok(Named { name, stored, tensor })
        };
        self.names().into_iter().map(read).collect()
    }

    fn with_member<T>(&self, member: Option<&str>, read: impl FnOnce(Elements<'_>, &Layout, usize) -> Result<T>) -> Result<T> {
        let member = choose(&self.name, "array", &self.names(), member)?;
        let name = self.name.member(&member);
        let view = self.tensors.tensor(&member).map_err(|e| name.damaged(&e).caused_by(e))?;
        let layout = layout(&name, &view)?;
        let mut data = view.data();
        let count = layout.checked_count(&name, data.len() as u64)?;
        read(Elements { name: &name, reader: &mut data, sure: true }, &layout, count)
    }
}

/// Length and depth of the header, before anything is parsed or allocated.
fn check_header(name: &Name, bytes: &[u8]) -> Result<()> {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
        return Err(name.damaged("the file ends inside the length of its header; it is damaged or not a safetensors file"));
    };
    let length = u64::from_le_bytes(*length);
    if length > rest.len() as u64 || length > MAX_HEADER {
        return Err(name.damaged(format!(
            "the header claims to have {}, but {} are there and {} are allowed; the file is damaged or not a safetensors file",
            human(length),
            human(rest.len() as u64),
            human(MAX_HEADER)
        )));
    }
    match json_too_deep(&rest[..length as usize]) {
        true => Err(name.damaged("the header is nested too deep")),
        false => Ok(()),
    }
}

fn layout(name: &Name, view: &TensorView<'_>) -> Result<Layout> {
    let dtype = match view.dtype() {
        StoredDtype::BOOL => Dtype::Bool,
        StoredDtype::I8 => Dtype::I8,
        StoredDtype::U8 => Dtype::U8,
        StoredDtype::I16 => Dtype::I16,
        StoredDtype::U16 => Dtype::U16,
        StoredDtype::I32 => Dtype::I32,
        StoredDtype::U32 => Dtype::U32,
        StoredDtype::I64 => Dtype::I64,
        StoredDtype::U64 => Dtype::U64,
        StoredDtype::F16 => Dtype::F16,
        StoredDtype::BF16 => Dtype::Bf16,
        StoredDtype::F32 => Dtype::F32,
        StoredDtype::F64 => Dtype::F64,
        other => return Err(name.unusable(format!("elements of type {other} are not read")).hint("save the tensor as F32 or F64")),
    };
    Ok(Layout { dtype, big_endian: false, fortran: false, shape: view.shape().to_vec() })
}

/// The bytes of a safetensors file. The header is written here because the library's keeps its metadata in a hash map: equal content
/// would give different files.
pub(crate) fn to_bytes(arrays: &[(String, TensorData)], metadata: &[(&str, String)]) -> Result<Vec<u8>> {
    // Large elements first, so that every tensor starts at a multiple of its element size.
    let mut order: Vec<&(String, TensorData)> = arrays.iter().collect();
    order.sort_by_key(|(_, tensor)| std::cmp::Reverse(tensor.element_size()));

    let mut header = Map::new();
    if !metadata.is_empty() {
        header.insert(METADATA.into(), metadata.iter().map(|(key, value)| ((*key).to_owned(), Value::from(value.as_str()))).collect());
    }
    let mut offset = 0;
    for (name, tensor) in &order {
        let end = offset + tensor.len() * tensor.element_size();
        let entry = json!({"dtype": tensor.dtype().to_uppercase(), "shape": tensor.shape(), "data_offsets": [offset, end]});
        if name == METADATA || header.insert(name.clone(), entry).is_some() {
            return Err(Error::internal(format!("the array name '{name}' is taken")));
        }
        offset = end;
    }
    let mut text = Value::Object(header).to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    if text.len() as u64 > MAX_HEADER {
        return Err(Error::input(format!(
            "the header of the file would have {}, allowed are {}",
            human(text.len() as u64),
            human(MAX_HEADER)
        )));
    }

    let mut bytes = Vec::with_capacity(8 + text.len() + offset);
    bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&text);
    for (_, tensor) in &order {
        tensor.write_elements(&mut bytes as &mut dyn Write).map_err(|e| Error::internal(e.to_string()))?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn equal_content_gives_equal_bytes_and_order_of_alignment() {
        let arrays = vec![("b".to_owned(), array![1_u8, 2, 3].into()), ("a".to_owned(), array![1.0, 2.0].into())];
        let metadata: Vec<(&str, String)> = ["x", "y", "z", "u"].into_iter().map(|k| (k, "1".to_owned())).collect();
        let bytes = to_bytes(&arrays, &metadata).unwrap();
        assert_eq!(bytes, to_bytes(&arrays, &metadata).unwrap());
        let container = Container::open(&Name::new("a"), &bytes).unwrap();
        assert_eq!(container.names(), ["a", "b"]);
        assert_eq!(container.metadata().len(), 4);
        assert_eq!(container.tensor(Some("b")).unwrap(), array![1_u8, 2, 3].into());
    }

    #[test]
    fn taken_names_are_refused() {
        let twice = vec![("a".to_owned(), TensorData::from(array![1.0])), ("a".to_owned(), array![1.0].into())];
        assert!(to_bytes(&twice, &[]).is_err());
        assert!(to_bytes(&[(METADATA.to_owned(), array![1.0].into())], &[]).is_err());
    }
}
