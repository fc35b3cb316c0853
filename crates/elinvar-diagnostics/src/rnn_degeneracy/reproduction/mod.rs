//! The trials that decide the claims of the paper.

mod claims;
mod figures;

use super::analysis::{Degeneracy, analyze, mean_dynamics};
use super::ensemble::train_from;
use super::model::{Learning, Recording, Trained};
use super::params::{DegeneracyAnalysis, Parametrization, Problem, RnnEnsemble, States};
use elinvar_core::reproduction::{Claim, Evidence, Figure, Metrics, Reproduction, Scale};
use elinvar_core::{Checked, Context, Result};
use elinvar_math::statistics::mean;
use rand::Rng;
use serde::{Deserialize, Serialize};

/// One ensemble.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Trial {
    /// `ff16`, `ff32` and `sparse32` are small protocols on the flip-flop; the others vary one thing of the paper's protocol, `control` nothing.
    study: String,
    task: Problem,
    channels: usize,
    hidden: usize,
    gamma: f64,
    l1: f64,
    nuclear: f64,
    max_delay: usize,
    auxiliary: bool,
    networks: usize,
    /// Where training ends: the loss that is enough, if not that of the task, and the last epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    threshold: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_epochs: Option<u64>,
    /// Whether all networks have one seed: nothing is left to differ.
    twins: bool,
    seed: u64,
}

/// The study of this method.
pub(super) struct DegeneracyStudy;

const BITS: [usize; 4] = [1, 2, 3, 4];
const QUICK_SEEDS: u64 = 5;
const TINY_SEEDS: u64 = 3;
const SPARSE: f64 = 1e-4;
const SPARSE_STEPS: u64 = 1500;
const SPARSE_TINY: f64 = 1e-3;
const LONG_DELAY: usize = 40;
/// Learning rate at gamma = 1 in the maximal-update parametrisation.
const MUP_RATE: f64 = 1e-2;

/// The paper's tasks with their numbers of channels.
const TASKS: [(Problem, &str, &[usize]); 4] = [
    (Problem::Flipflop, "flipflop", &[1, 2, 3, 4]),
    (Problem::Discrimination, "discrimination", &[1, 2, 3]),
    (Problem::Sine, "sine", &[2, 5, 10]),
    (Problem::PathIntegration, "path_integration", &[2, 3]),
];
/// The number of channels where something else is varied.
const MIDDLE: [usize; 4] = [3, 2, 5, 2];

fn trial(study: &str, task: Problem, channels: usize, hidden: usize, networks: usize, seed: u64) -> Trial {
    Trial {
        study: study.into(),
        task,
        channels,
        hidden,
        gamma: 1.0,
        l1: 0.0,
        nuclear: 0.0,
        max_delay: RnnEnsemble::default().max_delay,
        auxiliary: false,
        networks,
        threshold: None,
        max_epochs: None,
        twins: false,
        seed,
    }
}

fn tiny() -> Vec<Trial> {
    let of = |seed| trial("ff16", Problem::Flipflop, 1, 16, 6, seed);
    (0..TINY_SEEDS).flat_map(|seed| [of(seed), Trial { l1: SPARSE_TINY, ..of(seed) }]).collect()
}

fn quick() -> Vec<Trial> {
    let mut trials = Vec::new();
    for seed in 0..QUICK_SEEDS {
        trials.extend(BITS.map(|bits| trial("ff32", Problem::Flipflop, bits, 32, 8, seed)));
        trials.extend([0.0, SPARSE].map(|l1| Trial { l1, ..trial("sparse32", Problem::Flipflop, 3, 32, 8, seed) }));
    }
    trials
}

/// How much of the paper's own protocol: four factors on four tasks.
struct Protocol {
    /// Ensembles a condition, and networks of each.
    seeds: u64,
    networks: usize,
    /// Whether the complexity takes all its levels, or the least and the greatest.
    all_channels: bool,
    gammas: &'static [f64],
    widths: &'static [usize],
    /// Units of the networks where the width is not varied.
    hidden: usize,
    l1: f64,
    nuclear: f64,
    /// Losses of the four tasks that are enough, where not those of the paper.
    thresholds: [Option<f64>; 4],
    max_epochs: Option<u64>,
}

/// Fifty networks a condition.
const PAPER: Protocol = Protocol {
    seeds: 10,
    networks: 5,
    all_channels: true,
    gammas: &[0.1, 0.5, 2.0, 10.0],
    widths: &[32, 64, 128, 256, 512],
    hidden: 128,
    l1: 1e-5,
    nuclear: 1e-4,
    thresholds: [None; 4],
    max_epochs: None,
};

/// The ends of every factor on small networks. Delayed discrimination and path integration, which take hundreds of epochs to the paper's
/// thresholds, stop at losses that most networks reach in 60: degeneracy compares equals. Penalties are greater by as much as the loss of
/// discrimination, beside which they must be felt.
const HOUR: Protocol = Protocol {
    seeds: 5,
    networks: 3,
    all_channels: false,
    gammas: &[0.1, 10.0],
    widths: &[32, 128],
    hidden: 64,
    l1: 2e-4,
    nuclear: 2e-3,
    thresholds: [None, Some(0.2), None, Some(2.0)],
    max_epochs: Some(60),
};

impl Protocol {
    fn trials(&self) -> Vec<Trial> {
        (0..self.seeds).flat_map(|seed| self.of_seed(seed)).collect()
    }

    fn of_seed(&self, seed: u64) -> Vec<Trial> {
        let mut trials = Vec::new();
        for ((k, (task, _, levels)), middle) in TASKS.into_iter().enumerate().zip(MIDDLE) {
            let of = |study: &str, channels, hidden| self.trial(study, k, channels, hidden, seed);
            let ends = |&(level, _): &(usize, &usize)| self.all_channels || level == 0 || level + 1 == levels.len();
            trials.extend(levels.iter().enumerate().filter(ends).map(|(_, &channels)| of("complexity", channels, self.hidden)));
            trials.extend(self.gammas.iter().map(|&gamma| Trial { gamma, ..of("gamma", middle, self.hidden) }));
            trials.extend(self.widths.iter().map(|&hidden| of("width", middle, hidden)));
            if task == Problem::Discrimination {
                trials.extend(self.controls(|study| of(study, middle, self.hidden)));
            }
        }
        trials
    }

    /// A condition as it is, and with each of four changes.
    fn controls(&self, of: impl Fn(&str) -> Trial) -> [Trial; 5] {
        [
            of("control"),
            Trial { l1: self.l1, ..of("l1") },
            Trial { nuclear: self.nuclear, ..of("nuclear") },
            Trial { auxiliary: true, ..of("auxiliary") },
            Trial { max_delay: LONG_DELAY, ..of("delay") },
        ]
    }

    fn trial(&self, study: &str, k: usize, channels: usize, hidden: usize, seed: u64) -> Trial {
        let (threshold, max_epochs) = (self.thresholds[k], self.max_epochs);
        Trial { threshold, max_epochs, ..trial(study, TASKS[k].0, channels, hidden, self.networks, seed) }
    }
}

impl Trial {
    /// How the ensemble is trained.
    fn setting(&self) -> RnnEnsemble {
        let own = RnnEnsemble {
            task: self.task,
            n_channels: self.channels,
            hidden: self.hidden,
            n_networks: self.networks,
            gamma: self.gamma,
            l1: self.l1,
            nuclear: self.nuclear,
            max_delay: self.max_delay,
            auxiliary: self.auxiliary,
            threshold: self.threshold,
            max_epochs: self.max_epochs.unwrap_or(RnnEnsemble::default().max_epochs),
            ..RnnEnsemble::default()
        };
        // Training ends with the first batch below the threshold.
        let at_once = |threshold, steps, own| RnnEnsemble {
            threshold: Some(threshold),
            steps,
            lr: 3e-3,
            plateau: None,
            patience: 0,
            steps_per_epoch: 1,
            max_epochs: 6000,
            ..own
        };
        match self.study.as_str() {
            "ff16" => at_once(0.02, 20, RnnEnsemble { n_trials: 1024, batch_size: 32, ..own }),
            "ff32" => at_once(0.003, 40, own),
            // Long after the threshold, for a penalty works slowly: two thousand steps and more.
            "sparse32" => RnnEnsemble { patience: SPARSE_STEPS, ..at_once(0.005, 40, own) },
            "gamma" | "width" => {
                let tau = if self.task == Problem::PathIntegration { own.tau } else { 1.0 };
                RnnEnsemble { parametrization: Parametrization::Mup, lr: MUP_RATE, tau, ..own }
            }
            _ => own,
        }
    }

    /// How the states are compared: the leading coordinates, and more of them. One setting a task.
    fn ranks(&self) -> [usize; 2] {
        match self.task {
            _ if self.study == "ff16" => [8, 12],
            // A few periodic trajectories, and units near their limits where features are learned strongly: 16 directions in some networks.
            Problem::Sine => [8, 10],
            _ => [20, 32],
        }
    }

    fn recorded(&self) -> States {
        let (n_probes, steps) = if self.study == "ff16" { (128, 50) } else { (32, 100) };
        States { n_probes, probe_steps: Some(steps), ..States::default() }
    }
}

impl Reproduction for DegeneracyStudy {
    type Trial = Trial;
    const VERSION: u32 = 2;

    fn claims(&self) -> Vec<Claim> {
        claims::all()
    }

    fn trials(&self, scale: Scale) -> Vec<Trial> {
        match scale {
            Scale::Tiny => tiny(),
            Scale::Quick => quick(),
            Scale::Hour => HOUR.trials(),
            Scale::Paper => PAPER.trials(),
        }
    }

    fn run(&self, trial: &Trial, ctx: &mut Context) -> Result<Metrics> {
        let params = Checked::new(trial.setting())?;
        let seed = |k: usize| ctx.stream(&[("network", if trial.twins { 0 } else { k as u64 })]).next_u64();
        let seeds = (0..trial.networks).map(seed).collect();
        let trained = train_from(&params, seeds, ctx)?.model;
        let recording = trained.record(&trial.recorded(), None, ctx)?;
        let learned = trained.learning(32, ctx)?;
        measured(trial, &trained, &recording, &learned, ctx)
    }

    /// All networks from one seed, or no penalty: what makes solutions many, or few, is gone.
    fn sabotaged(&self, trial: &Trial) -> Option<Trial> {
        Some(match trial.l1 > 0.0 {
            true => Trial { l1: 0.0, ..trial.clone() },
            false => Trial { twins: true, ..trial.clone() },
        })
    }

    fn figures(&self, evidence: &Evidence) -> Vec<Figure> {
        figures::all(evidence)
    }

    fn differences(&self) -> Vec<&'static str> {
        vec![
            "Quick claims are judged on flip-flop networks of 32 units that stop at the first batch below the threshold; each seed is an ensemble of 8.",
            "The paper prints no figures: thresholds come from pilot runs.",
            "A condition of 50 networks is ten ensembles of five, whose degeneracies are averaged; pairs across ensembles are not looked at.",
            "At the scale of an hour a condition is fifteen networks of 64 units, five ensembles of three; only the ends of each factor are run \
             (widths 32 and 128), and training ends after 60 epochs or at a loss of 0.2 (discrimination) and 2 (path integration).",
            "Penalties are 1e-5 (l1) and 1e-4 (nuclear norm), at the scale of an hour 20 times that, as is the loss of discrimination.",
            "Dynamics are compared at rank 20, on the sine task at rank 8: some of its networks have 16 directions with spread.",
            "Under the maximal-update parametrisation the rate at gamma = 1 is 0.01, and the time constant 0.1 on path integration, 1 elsewhere.",
        ]
    }
}

fn measured(trial: &Trial, trained: &Trained, recording: &Recording, learned: &Learning, ctx: &mut Context) -> Result<Metrics> {
    let networks = recording.networks();
    let at = |rank: usize| DegeneracyAnalysis { rank: Some(rank), allow_unconverged: true, ..DegeneracyAnalysis::default() };
    let [narrow, wide] = trial.ranks();
    let found: Degeneracy = analyze(&Checked::new(at(narrow))?, &networks, ctx)?;
    let wider = mean_dynamics(&Checked::new(at(wide))?, &networks, ctx)?;
    let steps: Vec<f64> = trained.steps().iter().map(|&s| s as f64).collect();
    let share = trained.converged().iter().filter(|c| **c).count() as f64 / trial.networks as f64;
    Ok(Metrics::new()
        .with("dsa", found.dynamical)
        .with("dsa_wide", wider)
        .with("pif", found.weight().unwrap_or(f64::NAN))
        .with("pif_scale_free", found.weight_scale_free().unwrap_or(f64::NAN))
        .with("behavioral", found.behavioral.unwrap_or(f64::NAN))
        .with("separation", found.dynamical / mean(&found.null))
        .with("p_value", found.p_value)
        .with("weight_change", mean(&learned.weight_change))
        .with("kernel_alignment", mean(&learned.kernel_alignment))
        .with("converged", share)
        .with("steps", mean(&steps)))
}
