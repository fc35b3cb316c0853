//! APPL's `.policyx` format: vectors with actions.

use super::cassandra::numbers;
use super::xml::{self, Element, escape};
use super::{MAX_ENTRIES, at_line, bounded};
use elinvar_core::{Error, Result};
use ndarray::Array2;
use std::fmt::Write;

/// Reads vectors (k, states) and their actions (k).
///
/// # Errors
/// Text that is not well formed XML, a vector of the wrong length, a number that cannot be read, or a policy of a factored problem (more than
/// one observed value); each with its line.
pub fn read_policyx(text: &str) -> Result<(Array2<f64>, Vec<usize>)> {
    let root = xml::read(text)?;
    let set = root.need("AlphaVector")?;
    let length = set.index("vectorLength")?;
    if set.attribute("numObsValue").is_some_and(|n| n.trim() != "1") {
        return Err(at_line(set.line, "policies with fully observed variables (numObsValue > 1) are not supported")
            .hint("flatten the problem first"));
    }
    let vectors: Vec<&Element> = set.children.iter().filter(|c| c.name == "Vector" || c.name == "SparseVector").collect();
    bounded(&[vectors.len(), length], MAX_ENTRIES, "the policy")?;
    let mut alphas = Array2::zeros((vectors.len(), length));
    let mut actions = Vec::with_capacity(vectors.len());
    for (mut row, vector) in alphas.outer_iter_mut().zip(vectors) {
        actions.push(vector.index("action")?);
        let values = if vector.name == "Vector" { vector.numbers()? } else { sparse_values(vector, length)? };
        if values.len() != length {
            return Err(at_line(vector.line, format!("a vector must have {length} entries, got {}", values.len())));
        }
        row.iter_mut().zip(values).for_each(|(r, v)| *r = v);
    }
    if actions.is_empty() {
        return Err(at_line(set.line, "the policy has no vectors"));
    }
    Ok((alphas, actions))
}

/// Entries given as pairs of position and value.
fn sparse_values(vector: &Element, length: usize) -> Result<Vec<f64>> {
    let mut out = vec![0.0; length];
    for entry in vector.all("Entry") {
        match entry.numbers()?.as_slice() {
            [position, value] if *position >= 0.0 && *position < length as f64 => out[*position as usize] = *value,
            other => return Err(at_line(entry.line, format!("an entry must be a position below {length} and a value, got {other:?}"))),
        }
    }
    Ok(out)
}

/// Writes vectors (k, states) and their actions (k), with every number in full precision.
///
/// # Errors
/// When there is not one action for each vector.
pub fn write_policyx(alphas: &Array2<f64>, actions: &[usize], model_name: &str) -> Result<String> {
    if alphas.nrows() != actions.len() {
        return Err(Error::input(format!("there must be one action for each vector, got {} for {}", actions.len(), alphas.nrows())));
    }
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a string cannot fail.
    let _ = writeln!(out, "<Policy version=\"0.1\" type=\"value\" model=\"{}\">", escape(model_name));
    let (k, n) = alphas.dim();
    let _ = writeln!(out, "<AlphaVector vectorLength=\"{n}\" numObsValue=\"1\" numVectors=\"{k}\">");
    for (row, action) in alphas.outer_iter().zip(actions) {
        let _ = writeln!(out, "<Vector action=\"{action}\" obsValue=\"0\">{} </Vector>", numbers(row.iter()));
    }
    out.push_str("</AlphaVector>\n</Policy>\n");
    Ok(out)
}
