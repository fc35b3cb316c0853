//! Networks that were trained elsewhere: state dictionaries of PyTorch's `nn.RNN`, `nn.GRU` and `nn.LSTM`.

use super::model::Trained;
use elinvar_core::{Bundle, Error, Result};
use elinvar_data::read_members;
use elinvar_nn::{Cell, NamedArrays, Recurrent, RecurrentSpec};
use ndarray::{ArrayD, Ix1, Ix2, IxDyn};
use std::path::{Path, PathBuf};

/// What the names of the recurrent layer begin with after the layer's own name.
const RECURRENT: &str = "weight_hh_l0";

/// Reads one network from each `.safetensors` or `.npz` file of a folder, in the order of their names, or from a single file.
///
/// A file holds `weight_ih_l0`, `weight_hh_l0` and, where there are biases, `bias_ih_l0` and `bias_hh_l0`, after any name of the layer;
/// one more matrix of as many columns as there are units is the readout, a vector of its rows its bias.
///
/// # Errors
/// No such file, more than one layer, both directions, or networks of different shapes; each names the file.
pub fn import(path: &Path) -> Result<Trained> {
    let files = files(path)?;
    let networks = files.iter().map(|file| network(file)).collect::<Result<Vec<_>>>()?;
    if let Some((file, odd)) = files.iter().zip(&networks).find(|(_, network)| network.spec() != networks[0].spec()) {
        let message = format!("has the shape {}, the first network has {}", in_words(odd.spec()), in_words(networks[0].spec()));
        return Err(Error::file(file, message).hint("import networks of one shape"));
    }
    let k = networks.len();
    Ok(Trained { origin: None, networks, converged: vec![true; k], loss: vec![f64::NAN; k], steps: vec![0; k] })
}

fn in_words(spec: &RecurrentSpec) -> String {
    format!("{} inputs, {} units ({:?}), {} outputs", spec.inputs, spec.units, spec.cell, spec.outputs)
}

fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|e| Error::file(path, e))?;
    let fits = |file: &PathBuf| file.extension().is_some_and(|end| end == "safetensors" || end == "npz");
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(fits).collect();
    files.sort();
    match files.is_empty() {
        false => Ok(files),
        true => Err(Error::file(path, "holds no .safetensors and no .npz file").hint("save one state dictionary a network there")),
    }
}

fn network(file: &Path) -> Result<Recurrent<f32>> {
    let arrays = read_members(file)?;
    from_dictionary(&arrays).map_err(|e| Error::file(file, e))
}

/// A network from the arrays of a state dictionary.
pub(super) fn from_dictionary(arrays: &Bundle<'_>) -> Result<Recurrent<f32>> {
    let names = arrays.names();
    let layers: Vec<&str> = names.iter().filter_map(|name| name.strip_suffix(RECURRENT)).collect();
    let &[layer] = layers.as_slice() else {
        return Err(Error::input(format!("must hold one recurrent layer (an array ...{RECURRENT}), got {}", layers.len())));
    };
    if let Some(name) = names.iter().find(|name| name.ends_with("_l1") || name.ends_with("_reverse")) {
        return Err(Error::input(format!("has '{name}': networks of one layer and one direction are read")));
    }
    let array = |name: &str| -> Result<ArrayD<f32>> { Ok(arrays.array32(&format!("{layer}{name}"))?.into_owned()) };
    let (input, recurrent) = (array("weight_ih_l0")?, array(RECURRENT)?);
    let (&[rows, inputs], &[_, units]) = (input.shape(), recurrent.shape()) else {
        return Err(Error::input("the weights of the recurrent layer must be matrices"));
    };
    let cell = match rows.checked_div(units) {
        Some(1) => Cell::Tanh,
        Some(3) => Cell::Gru,
        Some(4) => Cell::Lstm,
        _ => return Err(Error::input(format!("{rows} rows of weights for {units} units are no tanh network, GRU or LSTM"))),
    };
    let bias =
        |name: &str| if names.contains(&format!("{layer}{name}").as_str()) { array(name) } else { Ok(ArrayD::zeros(IxDyn(&[rows]))) };
    let (weight, readout_bias) = readout(arrays, layer, units)?;
    let outputs = weight.shape()[0];
    let mut named = NamedArrays::new();
    named.insert("bias_ih_l0".into(), bias("bias_ih_l0")?);
    named.insert("bias_hh_l0".into(), bias("bias_hh_l0")?);
    named.insert("weight_ih_l0".into(), input.clone());
    named.insert("weight_hh_l0".into(), recurrent.clone());
    named.insert("readout.weight".into(), weight);
    named.insert("readout.bias".into(), readout_bias);
    Recurrent::from_arrays(RecurrentSpec { cell, inputs, units, outputs }, &named, "")
}

/// Weight and bias of the readout; without one, a single output of 0.
fn readout(arrays: &Bundle<'_>, layer: &str, units: usize) -> Result<(ArrayD<f32>, ArrayD<f32>)> {
    let own = ["weight_ih_l0", RECURRENT, "bias_ih_l0", "bias_hh_l0"].map(|name| format!("{layer}{name}"));
    let others = || arrays.names().into_iter().filter(|name| !own.iter().any(|o| o == name)).collect::<Vec<_>>();
    let matrices: Vec<&str> = others()
        .into_iter()
        .filter(|name| arrays.array32(name).is_ok_and(|a| a.view().into_dimensionality::<Ix2>().is_ok_and(|m| m.ncols() == units)))
        .collect();
    let weight = match matrices.as_slice() {
        [] => return Ok((ArrayD::zeros(IxDyn(&[1, units])), ArrayD::zeros(IxDyn(&[1])))),
        [name] => arrays.array32(name)?.into_owned(),
        more => return Err(Error::input(format!("has more than one matrix that may be the readout: {}", more.join(", ")))),
    };
    let outputs = weight.shape()[0];
    let is_bias = |name: &&str| arrays.array32(name).is_ok_and(|a| a.view().into_dimensionality::<Ix1>().is_ok_and(|v| v.len() == outputs));
    let bias = match others().iter().find(|name| is_bias(name)) {
        Some(name) => arrays.array32(name)?.into_owned(),
        None => ArrayD::zeros(IxDyn(&[outputs])),
    };
    Ok((weight, bias))
}
