//! Gradients against central differences and PyTorch's autograd, sequences of any length, threads.

use super::*;
use crate::gradient_check;
use crate::mlp::tests::{assert_close, floats, matrix, reference, wave};
use elinvar_core::Context;
use elinvar_core::random::stream;

const CELLS: [(Cell, &str); 3] = [(Cell::Tanh, "tanh"), (Cell::Gru, "gru"), (Cell::Lstm, "lstm")];

fn spec(cell: Cell) -> RecurrentSpec {
    RecurrentSpec { cell, inputs: 2, units: 4, outputs: 3 }
}

/// The network, sequences and output gradient of `reference.py`.
fn fixed<T: Real>(cell: Cell) -> (Recurrent<T>, Array2<T>, Array2<T>) {
    let mut network = Recurrent::<T>::zeros(spec(cell)).unwrap();
    let numbers = wave(network.parameters.values().len(), 1.3, 0.7, 0.5);
    network.parameters.values_mut().iter_mut().zip(numbers).for_each(|(to, from)| *to = T::of(from));
    let of = |rows: usize, columns: usize, rate: f64, phase: f64, scale: f64| matrix(rows, columns, rate, phase, scale).mapv(T::of);
    (network, of(5, 6 * 2, 0.9, 0.2, 1.5), of(5, 6 * 3, 2.1, 0.4, 1.0))
}

#[test]
fn results_and_gradients_are_those_of_pytorch() {
    let reference = reference();
    for (cell, name) in CELLS {
        let (network, sequences, weights) = fixed::<f64>(cell);
        let (outputs, tape) = network.forward(sequences.view(), Pass::Evaluation).unwrap();
        let case = &reference["recurrent"][name];
        assert_close(outputs.iter().copied(), &floats(&case["outputs"]), 1e-13, name);
        let mut gradient = network.parameters.zeros_like();
        network.backward(&tape, weights.view(), &mut gradient);
        assert_close(gradient.values().iter().copied(), &floats(&case["gradient"]), 1e-12, name);
        let (single, sequences, weights) = fixed::<f32>(cell);
        let (outputs, tape) = single.forward(sequences.view(), Pass::Evaluation).unwrap();
        assert_close(outputs.iter().map(|&v| f64::from(v)), &floats(&case["outputs"]), 2e-6, name);
        let mut gradient = single.parameters.zeros_like();
        single.backward(&tape, weights.view(), &mut gradient);
        assert_close(gradient.values().iter().map(|&v| f64::from(v)), &floats(&case["gradient"]), 2e-5, name);
    }
}

#[test]
fn gradients_agree_with_central_differences() {
    for (cell, name) in CELLS.into_iter().chain([(Cell::Rate { leak: 0.3 }, "rate")]) {
        let (network, sequences, weights) = fixed::<f64>(cell);
        let loss = |outputs: &Array2<f64>| outputs.iter().zip(&weights).map(|(o, w)| w * o.sin()).sum::<f64>();
        let (outputs, tape) = network.forward(sequences.view(), Pass::Evaluation).unwrap();
        let mut gradient = network.parameters.zeros_like();
        network.backward(&tape, (&weights * &outputs.mapv(f64::cos)).view(), &mut gradient);
        let at = network.parameters.values().to_vec();
        let mut moved = network.clone();
        let value = |x: &[f64]| {
            moved.parameters.values_mut().copy_from_slice(x);
            loss(&moved.predict(sequences.view()).unwrap())
        };
        let checked = gradient_check(&at, gradient.values(), value, &mut stream(1, &[]));
        assert!(checked.is_ok(), "{name}: {checked:?}");
    }
}

#[test]
fn the_past_does_not_depend_on_the_future() {
    for (cell, name) in CELLS {
        let network = Recurrent::<f32>::new(RecurrentSpec { units: 24, ..spec(cell) }, &mut stream(3, &[])).unwrap();
        let sequences = matrix(70, 20 * 2, 0.4, 0.1, 1.0).mapv(|v| v as f32);
        let whole = network.predict(sequences.view()).unwrap();
        let half = network.predict(sequences.slice_axis(Axis(1), (0..20).into())).unwrap();
        let start = whole.slice_axis(Axis(1), (0..30).into());
        // Projections of all steps are one product, whose kernel may depend on their number.
        start.iter().zip(&half).for_each(|(a, b)| assert!((a - b).abs() < 1e-5, "{name}"));
        let states = network.states(sequences.view()).unwrap();
        assert_eq!(states.dim(), (70, 20, 24));
        let readout = network.parameters.matrix(READOUT).row(1).dot(&states.index_axis(Axis(0), 69).index_axis(Axis(0), 19));
        assert!((readout + network.parameters.slice(READOUT_BIAS)[1] - whole[[69, 58]]).abs() < 1e-5, "{name}");
    }
}

#[test]
fn results_do_not_depend_on_threads() {
    let sequences = matrix(300, 12 * 2, 0.4, 0.1, 1.0).mapv(|v| v as f32);
    for (cell, name) in CELLS {
        let network = Recurrent::<f32>::new(RecurrentSpec { units: 17, ..spec(cell) }, &mut stream(3, &[])).unwrap();
        let run = |threads: usize| {
            Context::new(0).with_threads(threads).install(|| {
                let (outputs, tape) = network.forward(sequences.view(), Pass::Evaluation).unwrap();
                let mut gradient = network.parameters.zeros_like();
                network.backward(&tape, outputs.view(), &mut gradient);
                (outputs, gradient.values().to_vec())
            })
        };
        assert_eq!(run(1), run(3), "{name}");
    }
}

#[test]
fn networks_are_saved_and_wrong_columns_named() {
    let network = Recurrent::<f32>::new(spec(Cell::Lstm), &mut stream(3, &[])).unwrap();
    let back = Recurrent::from_arrays(*network.spec(), &network.to_arrays("net/"), "net/").unwrap();
    let sequences = matrix(3, 8, 0.4, 0.1, 1.0).mapv(|v| v as f32);
    assert_eq!(back.predict(sequences.view()).unwrap(), network.predict(sequences.view()).unwrap());
    let message = network.predict(sequences.slice_axis(Axis(1), (0..7).into())).unwrap_err().to_string();
    assert_eq!(message, "sequences must have a multiple of 2 columns (2 a step), got 7");
    let message = Recurrent::<f32>::new(RecurrentSpec { units: 0, ..spec(Cell::Gru) }, &mut stream(0, &[])).unwrap_err().to_string();
    assert_eq!(message, "parameter 'network' must be at least 1 input, unit and output wide, got 2, 0 and 3");
}

#[test]
fn a_rate_unit_follows_its_equation() {
    let (network, sequences, _) = fixed::<f64>(Cell::Rate { leak: 0.3 });
    let states = network.states(sequences.view()).unwrap();
    let parameters = &network.parameters;
    let (by_input, by_state) = (parameters.matrix(WEIGHT_IH), parameters.matrix(WEIGHT_HH));
    let mut memory = [0.0; 4];
    for step in 0..6 {
        let before = memory.map(f64::tanh);
        memory = std::array::from_fn(|i| {
            let drive = (0..2).map(|j| by_input[[i, j]] * sequences[[1, step * 2 + j]]).sum::<f64>()
                + (0..4).map(|j| by_state[[i, j]] * before[j]).sum::<f64>();
            0.7 * memory[i] + 0.3 * (drive + parameters.slice(BIAS_IH)[i] + parameters.slice(BIAS_HH)[i])
        });
        memory.iter().enumerate().for_each(|(i, m)| assert!((states[[1, step, i]] - m.tanh()).abs() < 1e-12));
    }
    let message = Recurrent::<f32>::new(spec(Cell::Rate { leak: 0.0 }), &mut stream(0, &[])).unwrap_err().to_string();
    assert_eq!(message, "parameter 'leak' must be in (0, 1], got 0");
}
