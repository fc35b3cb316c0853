//! One step of a cell for a batch of sequences, forward and backward: a single vectorised pass each.

use super::Cell;
use crate::real::Real;
use elinvar_math::simd::dispatch;

/// The arrays of one step, each row by row (batch, width).
pub(super) struct Step<'a, T> {
    /// Projections of the inputs on entry, activations of the gates on return (batch, gates * units).
    pub(super) gates: &'a mut [T],
    /// Projections of the states before, biases included (batch, gates * units); of a GRU only, of others they are in `gates`.
    pub(super) recurrent: &'a [T],
    /// States before (batch, units).
    pub(super) before: &'a [T],
    /// Memories before (batch, units); of LSTM and rate cells only.
    pub(super) memory_before: &'a [T],
    /// States after.
    pub(super) state: &'a mut [T],
    /// Memories after; likewise.
    pub(super) memory: &'a mut [T],
}

/// The arrays of one step backward.
pub(super) struct StepBack<'a, T> {
    /// Activations of the gates on entry, the gradient by the input projections on return (batch, gates * units).
    pub(super) gates: &'a mut [T],
    /// Projections of the states before (batch, gates * units); on return the gradient by them. Of a GRU only.
    pub(super) recurrent: &'a mut [T],
    /// States before (batch, units).
    pub(super) before: &'a [T],
    /// States after.
    pub(super) state: &'a [T],
    /// Memories before and after; of LSTM and rate cells only.
    pub(super) memory_before: &'a [T],
    pub(super) memory: &'a [T],
    /// Gradient by the states after on entry; by the states before, as far as it does not go through the gates, on return.
    pub(super) flowing: &'a mut [T],
    /// The same of the memories.
    pub(super) flowing_memory: &'a mut [T],
}

#[inline(always)]
fn sigmoid<T: Real>(x: T) -> T {
    // The hyperbolic tangent has no overflow to guard against.
    let half = T::of(0.5);
    half + half * (half * x).hyperbolic_tangent()
}

impl Cell {
    /// A step forward.
    pub(super) fn forward<T: Real>(self, units: usize, step: Step<'_, T>) {
        match self {
            Self::Tanh => tanh_forward(step),
            Self::Rate { leak } => rate_forward(T::of(leak), step),
            Self::Gru => gru_forward(units, step),
            Self::Lstm => lstm_forward(units, step),
        }
    }

    /// A step backward.
    pub(super) fn backward<T: Real>(self, units: usize, step: StepBack<'_, T>) {
        match self {
            Self::Tanh => tanh_backward(step),
            Self::Rate { leak } => rate_backward(T::of(leak), step),
            Self::Gru => gru_backward(units, step),
            Self::Lstm => lstm_backward(units, step),
        }
    }
}

fn tanh_forward<T: Real>(step: Step<'_, T>) {
    dispatch(
        #[inline(always)]
        || step.state.iter_mut().zip(step.gates).for_each(|(h, a)| *h = a.hyperbolic_tangent()),
    );
}

fn tanh_backward<T: Real>(step: StepBack<'_, T>) {
    dispatch(
        #[inline(always)]
        || {
            for ((a, &h), g) in step.gates.iter_mut().zip(step.state).zip(step.flowing) {
                *a = *g * (T::one() - h * h);
                *g = T::zero();
            }
        },
    );
}

fn rate_forward<T: Real>(leak: T, step: Step<'_, T>) {
    let Step { gates, memory_before, state, memory, .. } = step;
    dispatch(
        #[inline(always)]
        || {
            for (((h, m), &before), &a) in state.iter_mut().zip(memory).zip(memory_before).zip(&*gates) {
                *m = before + leak * (a - before);
                *h = m.hyperbolic_tangent();
            }
        },
    );
}

fn rate_backward<T: Real>(leak: T, step: StepBack<'_, T>) {
    let StepBack { gates, state, flowing, flowing_memory, .. } = step;
    dispatch(
        #[inline(always)]
        || {
            for (((a, &h), g), m) in gates.iter_mut().zip(state).zip(flowing).zip(flowing_memory) {
                let by_memory = *m + *g * (T::one() - h * h);
                *a = leak * by_memory;
                *m = (T::one() - leak) * by_memory;
                *g = T::zero();
            }
        },
    );
}

fn gru_forward<T: Real>(units: usize, step: Step<'_, T>) {
    let Step { gates, recurrent, before, state, .. } = step;
    let rows = gates.chunks_exact_mut(3 * units).zip(recurrent.chunks_exact(3 * units));
    let states = before.chunks_exact(units).zip(state.chunks_exact_mut(units));
    dispatch(
        #[inline(always)]
        || {
            for ((gates, recurrent), (before, state)) in rows.zip(states) {
                let [reset, update, candidate] = split_mut(gates, units);
                let [by_reset, by_update, by_candidate] = split(recurrent, units);
                let (before, state) = (&before[..units], &mut state[..units]);
                for j in 0..units {
                    reset[j] = sigmoid(reset[j] + by_reset[j]);
                    update[j] = sigmoid(update[j] + by_update[j]);
                    candidate[j] = (candidate[j] + reset[j] * by_candidate[j]).hyperbolic_tangent();
                    state[j] = candidate[j] + update[j] * (before[j] - candidate[j]);
                }
            }
        },
    );
}

fn gru_backward<T: Real>(units: usize, step: StepBack<'_, T>) {
    let StepBack { gates, recurrent, before, flowing, .. } = step;
    let rows = gates.chunks_exact_mut(3 * units).zip(recurrent.chunks_exact_mut(3 * units));
    let states = before.chunks_exact(units).zip(flowing.chunks_exact_mut(units));
    dispatch(
        #[inline(always)]
        || {
            for ((gates, recurrent), (before, flowing)) in rows.zip(states) {
                let [reset, update, candidate] = split_mut(gates, units);
                let [by_reset, by_update, by_candidate] = split_mut(recurrent, units);
                let (before, flowing) = (&before[..units], &mut flowing[..units]);
                for j in 0..units {
                    let (r, z, n, g) = (reset[j], update[j], candidate[j], flowing[j]);
                    let inner = g * (T::one() - z) * (T::one() - n * n);
                    reset[j] = inner * by_candidate[j] * r * (T::one() - r);
                    update[j] = g * (before[j] - n) * z * (T::one() - z);
                    candidate[j] = inner;
                    by_reset[j] = reset[j];
                    by_update[j] = update[j];
                    by_candidate[j] = inner * r;
                    flowing[j] = g * z;
                }
            }
        },
    );
}

fn lstm_forward<T: Real>(units: usize, step: Step<'_, T>) {
    let Step { gates, memory_before, state, memory, .. } = step;
    let after = state.chunks_exact_mut(units).zip(memory.chunks_exact_mut(units));
    let rows = gates.chunks_exact_mut(4 * units).zip(memory_before.chunks_exact(units)).zip(after);
    dispatch(
        #[inline(always)]
        || {
            for ((gates, before), (state, memory)) in rows {
                let [input, forget, candidate, output] = split_mut(gates, units);
                let (before, state, memory) = (&before[..units], &mut state[..units], &mut memory[..units]);
                for j in 0..units {
                    input[j] = sigmoid(input[j]);
                    forget[j] = sigmoid(forget[j]);
                    candidate[j] = candidate[j].hyperbolic_tangent();
                    output[j] = sigmoid(output[j]);
                    memory[j] = forget[j] * before[j] + input[j] * candidate[j];
                    state[j] = output[j] * memory[j].hyperbolic_tangent();
                }
            }
        },
    );
}

fn lstm_backward<T: Real>(units: usize, step: StepBack<'_, T>) {
    let StepBack { gates, memory_before, memory, flowing, flowing_memory, .. } = step;
    let memories = memory_before.chunks_exact(units).zip(memory.chunks_exact(units));
    let flows = flowing.chunks_exact_mut(units).zip(flowing_memory.chunks_exact_mut(units));
    let rows = gates.chunks_exact_mut(4 * units).zip(memories).zip(flows);
    dispatch(
        #[inline(always)]
        || {
            for ((gates, (before, memory)), (flowing, flowing_memory)) in rows {
                let [input, forget, candidate, output] = split_mut(gates, units);
                let (before, memory) = (&before[..units], &memory[..units]);
                let (flowing, flowing_memory) = (&mut flowing[..units], &mut flowing_memory[..units]);
                for j in 0..units {
                    let (i, f, c, o) = (input[j], forget[j], candidate[j], output[j]);
                    let t = memory[j].hyperbolic_tangent();
                    let by_memory = flowing_memory[j] + flowing[j] * o * (T::one() - t * t);
                    input[j] = by_memory * c * i * (T::one() - i);
                    forget[j] = by_memory * before[j] * f * (T::one() - f);
                    candidate[j] = by_memory * i * (T::one() - c * c);
                    output[j] = flowing[j] * t * o * (T::one() - o);
                    flowing_memory[j] = by_memory * f;
                    flowing[j] = T::zero();
                }
            }
        },
    );
}

/// The blocks of a row, each `units` long. Their known lengths let the loops over them vectorise.
#[inline(always)]
fn split<T, const BLOCKS: usize>(row: &[T], units: usize) -> [&[T]; BLOCKS] {
    std::array::from_fn(|block| &row[block * units..][..units])
}

/// The same, to be changed.
#[inline(always)]
fn split_mut<T, const BLOCKS: usize>(row: &mut [T], units: usize) -> [&mut [T]; BLOCKS] {
    let mut rest = row;
    std::array::from_fn(|_| {
        let (block, after) = std::mem::take(&mut rest).split_at_mut(units);
        rest = after;
        &mut block[..units]
    })
}
