//! The tasks that networks learn, as generators of trials (section 2 of the paper; what it leaves open is said in the README).

use super::params::{Problem, RnnEnsemble};
use elinvar_core::{Error, Result, Stream};
use ndarray::{Array1, Array2};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use std::f64::consts::{PI, TAU};

/// Trials of a task: rows in the order of time, each step's numbers together.
#[derive(Clone, Debug, PartialEq)]
pub struct Trials {
    /// Inputs (trials, T inputs).
    pub inputs: Array2<f32>,
    /// Targets (trials, T outputs).
    pub targets: Array2<f32>,
    /// Whether an output counts in the loss (T outputs), 1 or 0.
    pub counted: Array1<f32>,
}

/// Inputs and outputs of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Channels {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

/// Shortest delay of the discrimination task, steps of a pulse and of a response.
const LEAST_DELAY: usize = 5;
const PULSE: usize = 5;
const RESPONSE: usize = 5;
/// Pulses are between 2 and 10; networks see a tenth of them.
const PULSES: (f64, f64) = (2.0, 10.0);
/// Probability that a bit is set in a step.
const SWITCH: f64 = 0.1;
/// Frequencies of the sine task (1 / s), and its step (s).
const FREQUENCIES: (f64, f64) = (1.0, 30.0);
const SINE_STEP: f64 = 0.01;
/// Half the side of the arena, greatest speed a step, and spread of the turn a step (radians).
const ARENA: f64 = 5.0;
const SPEED: f64 = 0.5;
const TURN: f64 = 0.5;
/// Forcing of Lorenz-96, its time step, and the scale of its states.
const FORCING: f64 = 8.0;
const LORENZ_STEP: f64 = 0.05;
const LORENZ_SCALE: f64 = 10.0;

impl Problem {
    /// Mean squared error below which a network has learned the task.
    pub(super) fn threshold(self) -> f64 {
        match self {
            Self::Flipflop => 0.001,
            Self::Discrimination => 0.01,
            Self::Sine | Self::PathIntegration | Self::Lorenz96 => 0.05,
        }
    }
}

impl RnnEnsemble {
    pub(super) fn channels(&self) -> Channels {
        let n = self.n_channels;
        let (inputs, outputs) = match self.task {
            Problem::Flipflop | Problem::Lorenz96 => (n, n),
            Problem::Discrimination => (n, if self.auxiliary { 2 * n } else { n }),
            Problem::Sine => (1, 1),
            // Angles and speed, and where the walk begins.
            Problem::PathIntegration => (n + n, n),
        };
        Channels { inputs, outputs }
    }

    /// Refuses numbers of channels and lengths that a task does not have.
    pub(super) fn check_task(&self) -> Result<()> {
        let n = self.n_channels;
        match self.task {
            Problem::PathIntegration if n != 2 && n != 3 => {
                Err(Error::parameter("n_channels", "2 or 3 (dimensions) for 'path_integration'", n))
            }
            Problem::Lorenz96 if n < 4 => Err(Error::parameter("n_channels", ">= 4 for 'lorenz96'", n)),
            Problem::Discrimination if self.max_delay < LEAST_DELAY => {
                Err(Error::parameter("max_delay", format!(">= {LEAST_DELAY}"), self.max_delay))
            }
            _ if self.auxiliary && self.task != Problem::Discrimination => {
                Err(Error::parameter("auxiliary", "false unless the task is 'discrimination'", true))
            }
            _ => Ok(()),
        }
    }

    /// Steps of a trial; `far` doubles them, of the discrimination task its delays.
    pub(super) fn steps_of(&self, far: bool) -> usize {
        let times = if far { 2 } else { 1 };
        match self.task {
            Problem::Discrimination => 2 * PULSE + RESPONSE + times * self.max_delay,
            _ => times * self.steps,
        }
    }

    /// `n` trials; `far` makes them as long as in the test of generalisation.
    pub fn trials(&self, n: usize, far: bool, random: &mut Stream) -> Trials {
        let (channels, steps) = (self.channels(), self.steps_of(far));
        let mut inputs = Array2::zeros((n, steps * channels.inputs));
        let mut targets = Array2::zeros((n, steps * channels.outputs));
        for (mut input, mut target) in inputs.rows_mut().into_iter().zip(targets.rows_mut()) {
            let (input, target) = (input.as_slice_mut().unwrap_or_default(), target.as_slice_mut().unwrap_or_default());
            match self.task {
                Problem::Flipflop => flipflop(self.n_channels, input, target, random),
                Problem::Discrimination => discrimination(self, far, input, target, random),
                Problem::Sine => sine(self.n_channels, input, target, random),
                Problem::PathIntegration => path_integration(self.n_channels, input, target, random),
                Problem::Lorenz96 => lorenz(self.n_channels, input, target, random),
            }
        }
        let silent = if self.task == Problem::Discrimination { steps - RESPONSE } else { 0 };
        let counted = Array1::from_shape_fn(steps * channels.outputs, |k| if k / channels.outputs < silent { 0.0 } else { 1.0 });
        Trials { inputs, targets, counted }
    }
}

/// Each channel is the last non-zero value of its input.
fn flipflop(n: usize, input: &mut [f32], target: &mut [f32], random: &mut Stream) {
    for k in 0..input.len() {
        let first = k < n;
        if first || random.random::<f64>() < SWITCH {
            input[k] = if random.random::<bool>() { 1.0 } else { -1.0 };
            target[k] = input[k];
        } else {
            target[k] = target[k - n];
        }
    }
}

/// In the end, which of two pulses was the greater; with the auxiliary task also by how much.
fn discrimination(params: &RnnEnsemble, far: bool, input: &mut [f32], target: &mut [f32], random: &mut Stream) {
    let (n, outputs, times) = (params.n_channels, params.channels().outputs, if far { 2 } else { 1 });
    let steps = input.len() / n;
    let delay = times * random.random_range(LEAST_DELAY..=params.max_delay);
    let second = steps - RESPONSE - PULSE;
    let first = second - delay - PULSE;
    for channel in 0..n {
        let [f1, f2] = [(); 2].map(|()| PULSES.0 + (PULSES.1 - PULSES.0) * random.random::<f64>());
        for (start, height) in [(first, f1), (second, f2)] {
            (start..start + PULSE).for_each(|t| input[t * n + channel] = (height / PULSES.1) as f32);
        }
        for t in steps - RESPONSE..steps {
            target[t * outputs + channel] = (f2 - f1).signum() as f32;
            if params.auxiliary {
                target[t * outputs + n + channel] = ((f2 - f1) / PULSES.1) as f32;
            }
        }
    }
}

/// A sine of the frequency that the input names.
fn sine(frequencies: usize, input: &mut [f32], target: &mut [f32], random: &mut Stream) {
    let (low, high) = FREQUENCIES;
    let place = if frequencies == 1 { 0.0 } else { random.random_range(0..frequencies) as f64 / (frequencies - 1) as f64 };
    let frequency = low + (high - low) * place;
    input.fill((frequency / high) as f32);
    target.iter_mut().enumerate().for_each(|(t, y)| *y = (TAU * frequency * SINE_STEP * (t + 1) as f64).sin() as f32);
}

/// Where a walk is that is told its direction and speed. It turns around at the walls.
fn path_integration(dimensions: usize, input: &mut [f32], target: &mut [f32], random: &mut Stream) {
    let width = 2 * dimensions;
    let mut position: Vec<f64> = (0..dimensions).map(|_| ARENA * (2.0 * random.random::<f64>() - 1.0)).collect();
    input[dimensions..width].iter_mut().zip(&position).for_each(|(x, p)| *x = (p / ARENA) as f32);
    let (mut azimuth, mut elevation) = (PI * (2.0 * random.random::<f64>() - 1.0), 0.0);
    for t in 0..target.len() / dimensions {
        let mut normal = || -> f64 { StandardNormal.sample(random) };
        azimuth += TURN * normal();
        elevation = (elevation + TURN * normal()).clamp(-0.5 * PI, 0.5 * PI);
        let speed = SPEED * random.random::<f64>();
        let step = |azimuth: f64, elevation: f64| match dimensions {
            2 => vec![speed * azimuth.cos(), speed * azimuth.sin()],
            _ => vec![speed * elevation.cos() * azimuth.cos(), speed * elevation.cos() * azimuth.sin(), speed * elevation.sin()],
        };
        let leaves = |step: &[f64]| position.iter().zip(step).any(|(p, s)| (p + s).abs() > ARENA);
        if leaves(&step(azimuth, elevation)) {
            (azimuth, elevation) = (azimuth + PI, -elevation);
        }
        azimuth = (azimuth + PI).rem_euclid(TAU) - PI;
        let moved = step(azimuth, elevation);
        // In a corner neither way is free: the walk rests.
        let moved = if leaves(&moved) { vec![0.0; dimensions] } else { moved };
        position.iter_mut().zip(&moved).for_each(|(p, s)| *p += s);
        let told = &mut input[t * width..t * width + dimensions];
        let speed = if moved.iter().all(|s| *s == 0.0) { 0.0 } else { speed };
        told[0] = (azimuth / PI) as f32;
        told[dimensions - 1] = (speed / SPEED) as f32;
        if dimensions == 3 {
            told[1] = (elevation / PI) as f32;
        }
        target[t * dimensions..(t + 1) * dimensions].iter_mut().zip(&position).for_each(|(y, p)| *y = *p as f32);
    }
}

/// The next state of a chaotic series.
fn lorenz(n: usize, input: &mut [f32], target: &mut [f32], random: &mut Stream) {
    const SETTLING: usize = 100;
    let mut normal = || -> f64 { StandardNormal.sample(random) };
    let mut state: Vec<f64> = (0..n).map(|_| FORCING + normal()).collect();
    (0..SETTLING).for_each(|_| state = lorenz_step(&state));
    for (x, y) in input.chunks_exact_mut(n).zip(target.chunks_exact_mut(n)) {
        x.iter_mut().zip(&state).for_each(|(x, s)| *x = (s / LORENZ_SCALE) as f32);
        state = lorenz_step(&state);
        y.iter_mut().zip(&state).for_each(|(y, s)| *y = (s / LORENZ_SCALE) as f32);
    }
}

/// One step of Runge and Kutta.
fn lorenz_step(state: &[f64]) -> Vec<f64> {
    let n = state.len();
    let slope =
        |x: &[f64]| -> Vec<f64> { (0..n).map(|i| (x[(i + 1) % n] - x[(i + n - 2) % n]) * x[(i + n - 1) % n] - x[i] + FORCING).collect() };
    let ahead = |k: &[f64], h: f64| -> Vec<f64> { state.iter().zip(k).map(|(s, k)| s + h * k).collect() };
    let k1 = slope(state);
    let k2 = slope(&ahead(&k1, 0.5 * LORENZ_STEP));
    let k3 = slope(&ahead(&k2, 0.5 * LORENZ_STEP));
    let k4 = slope(&ahead(&k3, LORENZ_STEP));
    (0..n).map(|i| state[i] + LORENZ_STEP / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i])).collect()
}
