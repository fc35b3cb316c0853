//! What a policy and a model are worth: simulation, comparison with rules, value of surveys, reference points.

use super::{Modelled, Problem, example_model, read_model};
use crate::ecological_pomdp::fishery::{FisheryModel, nearest};
use crate::ecological_pomdp::mdp::solve_mdp;
use crate::ecological_pomdp::params::{Compare, Policy, Simulate, SurveyCurve};
use crate::ecological_pomdp::policy::AlphaPolicy;
use crate::ecological_pomdp::pomdp::Pomdp;
use crate::ecological_pomdp::rules::{StaticRule, evaluate_exact};
use crate::ecological_pomdp::simulate::{Simulation, SimulationOptions, simulate};
use crate::ecological_pomdp::solver::SarsopSolver;
use crate::ecological_pomdp::survey_value::{SurveyValue, survey_values};
use elinvar_core::{Bundle, Checked, Column, Context, Field, Input, Measurement, NoInput, Operation, Output, Result, Shape, Table};
use ndarray::{Array1, Array2, Array3};

/// Simulated replicates.
pub(crate) struct Simulated {
    simulation: Simulation,
    values: Option<Array1<f64>>,
}

impl Output for Simulated {
    const FIELDS: &'static [Field] = &[
        Field::new("npv", Shape::Vector, "discounted reward of each replicate (n_reps,)"),
        Field::new("extinction", Shape::Vector, "share of replicates in state 0 at each decision (t_max - 1,)"),
        Field::new("late_stock", Shape::Scalar, "mean stock over the later half of the decisions, in grid units").optional(),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        let bundle = Bundle::new().with("npv", self.simulation.npv.clone()).with("extinction", self.simulation.extinction());
        match self.values {
            Some(values) => bundle.with("late_stock", self.simulation.late_stock(values.view())),
            None => bundle,
        }
    }
}

/// `simulate`.
pub(crate) struct SimulateTask;

/// What the policy is wrong about, where it is.
pub(crate) struct Truth(Option<Problem>);

impl Input<'_> for Truth {
    const FIELDS: &'static [Field] = &[Field::new(
        "true_model",
        Shape::Document,
        "model whose surveys are drawn in place of those that the policy assumes (.toml, .pomdp, .pomdpx); in Python a FisheryModel",
    )
    .optional()];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Ok(Self(bundle.get("true_model").map(read_model).transpose()?))
    }
}

impl Operation for SimulateTask {
    const VERB: &'static str = "simulate";
    const SUMMARY: &'static str = "simulate the policy on its own model, or with surveys that it misjudges";
    type Params = Simulate;
    type Model = AlphaPolicy;
    type Input<'a> = Truth;
    type Output = Simulated;
    fn apply(params: &Checked<Simulate>, policy: &AlphaPolicy, Truth(truth): Truth, ctx: &mut Context) -> Result<Simulated> {
        let start = match params.x0 {
            Some(x0) => policy.known_scale()?.position(x0, "x0", 0, false)?,
            None => 0,
        };
        let options = SimulationOptions {
            start,
            t_max: params.t_max,
            n_reps: params.n_reps,
            true_observation: truth.map(|problem| problem.pomdp.observation().clone()),
            paper_convention: params.paper_convention,
        };
        Ok(Simulated { simulation: simulate(policy, &options, ctx)?, values: policy.scale().map(|s| s.values.clone()) })
    }
    fn example() -> Bundle<'static> {
        Bundle::new()
    }
}

/// A table of rules.
pub(crate) struct Compared(Table);

impl Output for Compared {
    const FIELDS: &'static [Field] =
        &[Field::new("comparison", Shape::Table, "policy, npv, npv_sd, late_stock, extinction, evaluation (exact or simulated)")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("comparison", self.0)
    }
}

/// `compare`.
pub(crate) struct CompareTask;

impl Measurement for CompareTask {
    const VERB: &'static str = "compare";
    const SUMMARY: &'static str = "value, late stock and extinction of rules of thumb (exact) and of the solved policy (simulated)";
    type Params = Compare;
    type Input<'a> = Modelled;
    type Output = Compared;
    fn measure(params: &Checked<Compare>, Modelled(problem): Modelled, ctx: &mut Context) -> Result<Compared> {
        let model = problem.fishery()?;
        let grid = model.values();
        let start = nearest(&grid, params.x0.unwrap_or(model.k / 6.0));
        let mut rows: Vec<(String, [f64; 4], &str)> = Vec::new();
        for policy in &params.policies {
            let rule = match policy {
                Policy::Ce => StaticRule::constant_escapement(model)?,
                Policy::Tac => StaticRule::constant_mortality(model, 0.8)?,
                Policy::Msy => StaticRule::constant_mortality(model, 1.0)?,
                Policy::Mdp => StaticRule::mdp(&solve_mdp(&problem.pomdp, ctx)?),
                Policy::Pomdp => {
                    let solver = SarsopSolver { precision: params.precision, max_time: params.max_time, ..SarsopSolver::default() };
                    let solved = solver.solve(&problem.pomdp, ctx)?;
                    let options = SimulationOptions {
                        start,
                        t_max: params.t_max,
                        n_reps: params.n_reps,
                        true_observation: None,
                        paper_convention: params.paper_convention,
                    };
                    let simulation = simulate(&solved, &options, ctx)?;
                    let extinct = simulation.extinction().last().copied().unwrap_or(0.0);
                    rows.push((
                        "POMDP".into(),
                        [simulation.mean_npv(), simulation.sd_npv(), simulation.late_stock(grid.view()), extinct],
                        "simulated",
                    ));
                    continue;
                }
            };
            let exact = evaluate_exact(&problem.pomdp, &rule, grid.view(), start, params.t_max, params.paper_convention)?;
            let extinct = exact.extinction.last().copied().unwrap_or(0.0);
            rows.push((rule.name, [exact.npv, 0.0, exact.late_stock, extinct], "exact"));
        }
        let number = |i: usize| Column::Number(rows.iter().map(|r| r.1[i]).collect());
        Ok(Compared(
            Table::new()
                .with("policy", Column::Text(rows.iter().map(|r| Some(r.0.clone())).collect()))?
                .with("npv", number(0))?
                .with("npv_sd", number(1))?
                .with("late_stock", number(2))?
                .with("extinction", number(3))?
                .with("evaluation", Column::Text(rows.iter().map(|r| Some(r.2.to_owned())).collect()))?,
        ))
    }
    fn example() -> Bundle<'static> {
        example_model()
    }
}

/// A curve of values.
pub(crate) struct Curve(Table);

impl Output for Curve {
    const FIELDS: &'static [Field] =
        &[Field::new("survey_value", Shape::Table, "sigma_m, lower, upper (bounds of the best value), constant_escapement, tac (exact)")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("survey_value", self.0)
    }
}

/// `survey-value`.
pub(crate) struct SurveyValueTask;

impl Measurement for SurveyValueTask {
    const VERB: &'static str = "survey-value";
    const SUMMARY: &'static str = "what a better survey is worth: the value of the stock over the survey error";
    type Params = SurveyCurve;
    type Input<'a> = Modelled;
    type Output = Curve;
    fn measure(params: &Checked<SurveyCurve>, Modelled(problem): Modelled, ctx: &mut Context) -> Result<Curve> {
        let solver = SarsopSolver { precision: params.precision, max_time: params.max_time, ..SarsopSolver::default() };
        let values = survey_values(problem.fishery()?, &params.sigmas, None, &solver, ctx)?;
        let number = |f: fn(&SurveyValue) -> f64| Column::Number(values.iter().map(f).collect());
        Ok(Curve(
            Table::new()
                .with("sigma_m", number(|v| v.sigma_m))?
                .with("lower", number(|v| v.lower))?
                .with("upper", number(|v| v.upper))?
                .with("constant_escapement", number(|v| v.constant_escapement))?
                .with("tac", number(|v| v.tac))?,
        ))
    }
    fn example() -> Bundle<'static> {
        example_model()
    }
}

/// Reference points of a fishery and its discrete model.
pub(crate) struct Described {
    model: FisheryModel,
    pomdp: Pomdp,
}

impl Output for Described {
    const FIELDS: &'static [Field] = &[
        Field::new("escapement", Shape::Scalar, "stock to leave behind (S*), in grid units"),
        Field::new("biomass", Shape::Scalar, "stock before the harvest in that steady state (B)"),
        Field::new("msy", Shape::Scalar, "maximum sustainable yield"),
        Field::new("f_msy", Shape::Scalar, "share of the stock taken at MSY"),
        Field::new("grid", Shape::Vector, "values of states, actions and observations (n,)"),
        Field::new("transition", Shape::Tensor(3), "probability of the next state (n_actions, n_states, n_states)"),
        Field::new("observation", Shape::Matrix, "probability of a survey (n_states, n_observations)"),
        Field::new("reward", Shape::Matrix, "reward of an action in a state (n_states, n_actions)"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        let (n, pomdp) = (self.pomdp.n_states(), &self.pomdp);
        let mut transition = Array3::zeros((pomdp.n_actions(), n, n));
        let mut observation = Array2::zeros((n, pomdp.n_observations()));
        for s in 0..n {
            (0..pomdp.n_actions())
                .for_each(|a| transition.index_axis_mut(ndarray::Axis(0), a).row_mut(s).assign(&pomdp.transition_row(a, s)));
            observation.row_mut(s).assign(&pomdp.observation_row(0, s));
        }
        // `measure` has computed them once already, so they are there.
        let points = self.model.baselines().map(|b| [b.escapement, b.biomass, b.msy, b.f_msy]).unwrap_or_default();
        Bundle::new()
            .with("escapement", points[0])
            .with("biomass", points[1])
            .with("msy", points[2])
            .with("f_msy", points[3])
            .with("grid", self.model.values())
            .with("transition", transition)
            .with("observation", observation)
            .with("reward", pomdp.reward().clone())
    }
}

/// `describe`.
pub(crate) struct DescribeTask;

impl Measurement for DescribeTask {
    const VERB: &'static str = "describe";
    const SUMMARY: &'static str = "reference points (S*, B, MSY, F_MSY) and the discrete model of a fishery";
    type Params = FisheryModel;
    type Input<'a> = NoInput;
    type Output = Described;
    fn measure(params: &Checked<FisheryModel>, _: NoInput, ctx: &mut Context) -> Result<Described> {
        params.warn(ctx);
        params.baselines()?;
        let n = params.grid.2 as u64;
        ctx.reserve("the dense transition tensor", 8 * n * n * n)?;
        Ok(Described { model: (**params).clone(), pomdp: params.to_pomdp()? })
    }
    fn example() -> Bundle<'static> {
        Bundle::new()
    }
}
