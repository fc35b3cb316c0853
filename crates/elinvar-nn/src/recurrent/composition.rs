//! The network in Burn's operations, one step after the other.

use super::{BIAS_HH, BIAS_IH, Cell, READOUT, Recurrent, WEIGHT_HH, WEIGHT_IH};
use crate::burn::Arrays;
use crate::real::Real;
use burn::tensor::Tensor;
use burn::tensor::activation::{sigmoid, tanh};
use elinvar_core::Result;

/// State and memory of a batch of sequences.
struct Now {
    state: Tensor<2>,
    memory: Tensor<2>,
}

impl<T: Real> Recurrent<T> {
    pub(super) fn composition(&self, arrays: &Arrays, sequences: Tensor<2>) -> Result<Tensor<2>> {
        let [rows, columns] = sequences.dims();
        let (inputs, steps) = (self.spec.inputs, self.steps(columns));
        let zero = Tensor::zeros([rows, self.spec.units], arrays.device());
        let mut now = Now { state: zero.clone(), memory: zero };
        let mut results = Vec::with_capacity(steps);
        for step in 0..steps {
            now = self.spec.cell.compose(arrays, sequences.clone().narrow(1, step * inputs, inputs), now);
            results.push(arrays.dense(READOUT, now.state.clone()));
        }
        Ok(Tensor::cat(results, 1))
    }
}

impl Cell {
    /// The next step.
    fn compose(self, arrays: &Arrays, x: Tensor<2>, now: Now) -> Now {
        let by_input = arrays.linear(WEIGHT_IH, x) + arrays.row(BIAS_IH);
        let by_state = arrays.linear(WEIGHT_HH, now.state.clone()) + arrays.row(BIAS_HH);
        let gates = self.gates();
        match self {
            Self::Tanh => Now { state: tanh(by_input + by_state), memory: now.memory },
            Self::Rate { leak } => {
                let memory = now.memory.clone() + (by_input + by_state - now.memory) * leak;
                Now { state: tanh(memory.clone()), memory }
            }
            Self::Gru => {
                let (input, state) = (by_input.chunk(gates, 1), by_state.chunk(gates, 1));
                let [reset, update] = [0, 1].map(|gate| sigmoid(input[gate].clone() + state[gate].clone()));
                let candidate = tanh(input[2].clone() + reset * state[2].clone());
                Now { state: candidate.clone() + update * (now.state - candidate), memory: now.memory }
            }
            Self::Lstm => {
                let parts = (by_input + by_state).chunk(gates, 1);
                let [input, forget, output] = [0, 1, 3].map(|gate| sigmoid(parts[gate].clone()));
                let memory = forget * now.memory + input * tanh(parts[2].clone());
                Now { state: output * tanh(memory.clone()), memory }
            }
        }
    }
}
