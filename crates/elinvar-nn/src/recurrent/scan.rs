//! The scan over time of a chunk of sequences, forward and backward.

use super::cell::{Step, StepBack};
use super::{BIAS_HH, BIAS_IH, Cell, READOUT, READOUT_BIAS, RecurrentSpec, WEIGHT_HH, WEIGHT_IH};
use crate::parameters::Parameters;
use crate::product;
use crate::real::Real;
use ndarray::{Array2, Array3, ArrayView2, Axis, Slice};

/// What the backward pass of a chunk needs; all arrays have the rows (step, sequence) in the order of time.
pub struct ScanTape<T> {
    /// Inputs (T n, inputs).
    inputs: Array2<T>,
    /// Activations of the gates (T n, gates * units); of tanh and rate cells none, their states say it all.
    gates: Array2<T>,
    /// Projections of the states before (T n, gates * units); of a GRU only.
    recurrent: Array2<T>,
    /// States (T n, units).
    states: Array2<T>,
    /// Memories (T n, units); of LSTM and rate cells only.
    memories: Array2<T>,
    /// Sequences n.
    sequences: usize,
}

impl<T: Real> ScanTape<T> {
    /// The states (n, T, units).
    pub(super) fn states(&self) -> Array3<T> {
        let at = |(sequence, step, unit): (usize, usize, usize)| self.states[[step * self.sequences + sequence, unit]];
        Array3::from_shape_fn((self.sequences, self.steps(), self.states.ncols()), at)
    }

    fn steps(&self) -> usize {
        self.states.nrows() / self.sequences.max(1)
    }
}

/// A scan with the parameters of a network.
pub(super) struct Scan<'a, T> {
    pub(super) spec: &'a RecurrentSpec,
    pub(super) parameters: &'a Parameters<T>,
}

/// Numbers of the rows of one step.
fn of_step<T>(array: &[T], step: usize, size: usize) -> &[T] {
    if array.is_empty() { array } else { &array[step * size..(step + 1) * size] }
}

fn of_step_mut<T>(array: &mut [T], step: usize, size: usize) -> &mut [T] {
    if array.is_empty() { array } else { &mut array[step * size..(step + 1) * size] }
}

/// The step before, zeros for the first.
fn before<'a, T: Real>(array: &'a Array2<T>, zeros: &'a [T], step: usize, size: usize) -> &'a [T] {
    if step == 0 { zeros } else { of_step(product::numbers(array), step - 1, size) }
}

/// The step before (zeros for the first), and this one.
fn around<'a, T>(array: &'a mut [T], zeros: &'a [T], step: usize, size: usize) -> (&'a [T], &'a mut [T]) {
    if array.is_empty() {
        return (zeros, array);
    }
    let (past, now) = array.split_at_mut(step * size);
    (if step == 0 { zeros } else { &past[(step - 1) * size..] }, &mut now[..size])
}

impl<T: Real> Scan<'_, T> {
    fn width(&self) -> usize {
        self.spec.cell.gates() * self.spec.units
    }

    /// Rows `from` to `to` of an array.
    fn rows(array: &Array2<T>, from: usize, to: usize) -> ArrayView2<'_, T> {
        array.slice_axis(Axis(0), Slice::from(from..to))
    }

    /// States of sequences (n, T inputs) from a first state of zero.
    pub(super) fn forward(&self, sequences: ArrayView2<'_, T>) -> ScanTape<T> {
        let (n, units, width, cell) = (sequences.nrows(), self.spec.units, self.width(), self.spec.cell);
        let steps = sequences.ncols() / self.spec.inputs;
        let inputs = in_time(sequences, self.spec.inputs);
        let mut gates = product::forward(inputs.view(), self.parameters.matrix(WEIGHT_IH));
        let (input_bias, state_bias) = (self.parameters.slice(BIAS_IH), self.parameters.slice(BIAS_HH));
        // A GRU multiplies the projections of its states by a gate, so that they stay apart.
        let apart = cell == Cell::Gru;
        let bias: Vec<T> = input_bias.iter().zip(state_bias).map(|(&a, &b)| if apart { a } else { a + b }).collect();
        add_to_rows(&mut gates, &bias);
        let mut recurrent = Array2::zeros(if apart { (steps * n, width) } else { (0, width) });
        if apart {
            add_to_rows(&mut recurrent, state_bias);
        }
        let mut states = Array2::zeros((steps * n, units));
        let mut memories = Array2::zeros(if cell.remembers() { (steps * n, units) } else { (0, units) });
        let zeros = vec![T::zero(); n * units];
        let weight = self.parameters.matrix(WEIGHT_HH);
        for step in 0..steps {
            if step > 0 {
                let before = Self::rows(&states, (step - 1) * n, step * n);
                let target = if apart { &mut recurrent } else { &mut gates };
                let place = target.slice_axis_mut(Axis(0), Slice::from(step * n..(step + 1) * n));
                product::add_forward(before, weight, place);
            }
            let (before, state) = around(product::contiguous(&mut states), &zeros, step, n * units);
            let (memory_before, memory) = around(product::contiguous(&mut memories), &zeros, step, n * units);
            let gates = of_step_mut(product::contiguous(&mut gates), step, n * width);
            let recurrent = of_step(product::numbers(&recurrent), step, n * width);
            cell.forward(units, Step { gates, recurrent, before, memory_before, state, memory });
        }
        if cell.gates() == 1 {
            gates = Array2::zeros((0, width));
        }
        ScanTape { inputs, gates, recurrent, states, memories, sequences: n }
    }

    /// The readout of every step, in rows (n, T outputs).
    pub(super) fn read(&self, tape: &ScanTape<T>) -> Array2<T> {
        let outputs = self.spec.outputs;
        let mut read = product::forward(tape.states.view(), self.parameters.matrix(READOUT));
        add_to_rows(&mut read, self.parameters.slice(READOUT_BIAS));
        let mut result = Array2::zeros((tape.sequences, tape.steps() * outputs));
        for (row, values) in read.rows().into_iter().enumerate() {
            let (step, sequence) = (row / tape.sequences, row % tape.sequences);
            let mut target = result.row_mut(sequence);
            target.slice_axis_mut(Axis(0), Slice::from(step * outputs..(step + 1) * outputs)).assign(&values);
        }
        result
    }

    /// Adds the gradients of all parameters from that of the result (n, T outputs).
    pub(super) fn backward(&self, tape: &ScanTape<T>, output_gradient: ArrayView2<'_, T>, gradient: &mut Parameters<T>) {
        let (n, units, width, cell, steps) = (tape.sequences, self.spec.units, self.width(), self.spec.cell, tape.steps());
        let by_output = in_time(output_gradient, self.spec.outputs);
        product::add_weight_gradient(T::one(), by_output.view(), tape.states.view(), gradient.matrix_mut(READOUT));
        product::add_row_sum(&by_output, gradient.slice_mut(READOUT_BIAS));
        let by_state = product::backward(by_output.view(), self.parameters.matrix(READOUT));
        // The gates' own slots become the gradients by their projections.
        let mut gates = if cell.gates() == 1 { Array2::zeros((steps * n, width)) } else { tape.gates.clone() };
        let mut recurrent = tape.recurrent.clone();
        let (zeros, mut flowing_memory) = (vec![T::zero(); n * units], vec![T::zero(); n * units]);
        let mut flowing = Array2::zeros((n, units));
        let weight = self.parameters.matrix(WEIGHT_HH);
        for step in (0..steps).rev() {
            flowing += &Self::rows(&by_state, step * n, (step + 1) * n);
            cell.backward(
                units,
                StepBack {
                    gates: of_step_mut(product::contiguous(&mut gates), step, n * width),
                    recurrent: of_step_mut(product::contiguous(&mut recurrent), step, n * width),
                    before: before(&tape.states, &zeros, step, n * units),
                    state: of_step(product::numbers(&tape.states), step, n * units),
                    memory_before: before(&tape.memories, &zeros, step, n * units),
                    memory: of_step(product::numbers(&tape.memories), step, n * units),
                    flowing: product::contiguous(&mut flowing),
                    flowing_memory: &mut flowing_memory,
                },
            );
            if step > 0 {
                let by = if cell == Cell::Gru { &recurrent } else { &gates };
                product::add_backward(Self::rows(by, step * n, (step + 1) * n), weight, &mut flowing);
            }
        }
        let by_projection = if cell == Cell::Gru { &recurrent } else { &gates };
        if steps > 1 {
            let (later, earlier) = (Self::rows(by_projection, n, steps * n), Self::rows(&tape.states, 0, (steps - 1) * n));
            product::add_weight_gradient(T::one(), later, earlier, gradient.matrix_mut(WEIGHT_HH));
        }
        product::add_row_sum(by_projection, gradient.slice_mut(BIAS_HH));
        product::add_weight_gradient(T::one(), gates.view(), tape.inputs.view(), gradient.matrix_mut(WEIGHT_IH));
        product::add_row_sum(&gates, gradient.slice_mut(BIAS_IH));
    }
}

/// Rows (n, T width) as rows (T n, width) in the order of time.
fn in_time<T: Real>(rows: ArrayView2<'_, T>, width: usize) -> Array2<T> {
    let (n, steps) = (rows.nrows(), rows.ncols() / width);
    let mut out = Array2::zeros((steps * n, width));
    for (sequence, row) in rows.rows().into_iter().enumerate() {
        for step in 0..steps {
            out.row_mut(step * n + sequence).assign(&row.slice_axis(Axis(0), Slice::from(step * width..(step + 1) * width)));
        }
    }
    out
}

fn add_to_rows<T: Real>(array: &mut Array2<T>, bias: &[T]) {
    for row in product::contiguous(array).chunks_exact_mut(bias.len()) {
        row.iter_mut().zip(bias).for_each(|(v, &b)| *v += b);
    }
}
