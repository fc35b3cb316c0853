//! Models and policies in and out of the field's file formats, and the growth of a stock from its record.

use super::advise::Series;
use super::{MODEL, Problem, example_model, read_problem};
use crate::ecological_pomdp::formats::{NamedPomdp, read_policyx, write_cassandra, write_policyx, write_pomdpx};
use crate::ecological_pomdp::growth_fit::{GrowthFit, fit_growth};
use crate::ecological_pomdp::params::{Convert, FitGrowth, ModelFormat};
use crate::ecological_pomdp::policy::{AlphaPolicy, QuotaScale};
use elinvar_core::{
    Bundle, Checked, Column, Context, Error, Estimator, Field, Fitted, Input, Item, Measurement, NoInput, NoParams, Operation, Output,
    Result, Shape, Status, Table,
};

/// A file as text.
pub(crate) struct Text {
    name: &'static str,
    text: String,
}

impl Output for Text {
    const FIELDS: &'static [Field] = &[Field::new("text", Shape::Document, "the file's text")];
    fn into_bundle(self) -> Bundle<'static> {
        Bundle::new().with("text", Item::Document { name: self.name.to_owned(), text: self.text })
    }
}

/// `convert`.
pub(crate) struct ConvertTask;

impl Measurement for ConvertTask {
    const VERB: &'static str = "convert";
    const SUMMARY: &'static str = "write a model as .pomdp (Cassandra) or .pomdpx (APPL), for other solvers";
    type Params = Convert;
    type Input<'a> = super::Modelled;
    type Output = Text;
    fn measure(params: &Checked<Convert>, input: super::Modelled, _: &mut Context) -> Result<Text> {
        let named = NamedPomdp::numbered(input.0.pomdp);
        Ok(match params.format {
            ModelFormat::Pomdp => Text { name: "model.pomdp", text: write_cassandra(&named)? },
            ModelFormat::Pomdpx => Text { name: "model.pomdpx", text: write_pomdpx(&named)? },
        })
    }
    fn example() -> Bundle<'static> {
        example_model()
    }
}

/// `export`.
pub(crate) struct ExportTask;

impl Operation for ExportTask {
    const VERB: &'static str = "export";
    const SUMMARY: &'static str = "write the policy's vectors as .policyx, for other programs";
    type Params = NoParams;
    type Model = AlphaPolicy;
    type Input<'a> = NoInput;
    type Output = Text;
    fn apply(_: &Checked<NoParams>, policy: &AlphaPolicy, _: NoInput, _: &mut Context) -> Result<Text> {
        Ok(Text { name: "policy.policyx", text: write_policyx(policy.alphas(), policy.actions(), "model")? })
    }
    fn example() -> Bundle<'static> {
        Bundle::new()
    }
}

/// A model and the policy that another solver found for it.
pub(crate) struct Foreign {
    problem: Problem,
    policyx: String,
}

impl Input<'_> for Foreign {
    const FIELDS: &'static [Field] = &[MODEL, Field::new("policyx", Shape::Document, "policy of another solver (.policyx)")];
    fn from_bundle(bundle: &Bundle<'_>) -> Result<Self> {
        Ok(Self { problem: read_problem(bundle)?, policyx: bundle.document("policyx")?.1.to_owned() })
    }
}

/// `import`.
pub(crate) struct ImportTask;

impl Estimator for ImportTask {
    const VERB: &'static str = "import";
    const SUMMARY: &'static str = "take a policy that another solver wrote as .policyx; it has no upper bound";
    type Params = NoParams;
    type Input<'a> = Foreign;
    type Model = AlphaPolicy;
    fn fit(_: &Checked<NoParams>, input: Foreign, _: &mut Context) -> Result<Fitted<AlphaPolicy>> {
        let (alphas, actions) = read_policyx(&input.policyx)?;
        let mut policy = AlphaPolicy::from_vectors(input.problem.pomdp, alphas, actions)?;
        if let Some(fishery) = &input.problem.fishery {
            policy = policy.with_scale(QuotaScale::new(fishery.values(), 1.0)?)?;
        }
        Ok(Fitted { model: policy, status: Status::Converged, trace: Table::new() })
    }
    fn example() -> Bundle<'static> {
        let vector = ["0.5"; 21].join(" ");
        let text = format!(
            "<?xml version=\"1.0\"?><Policy version=\"0.1\" type=\"value\" model=\"model\">\
             <AlphaVector vectorLength=\"21\" numObsValue=\"1\" numVectors=\"1\"><Vector action=\"2\" obsValue=\"0\">{vector} </Vector>\
             </AlphaVector></Policy>"
        );
        example_model().with("policyx", Item::Document { name: "peer.policyx".into(), text })
    }
}

/// Growth with its uncertainty.
pub(crate) struct Grown {
    fit: GrowthFit,
    model: serde_json::Value,
}

impl Output for Grown {
    const FIELDS: &'static [Field] = &[
        Field::new("model", Shape::Json, "fishery model to solve, in units of the largest survey"),
        Field::new("unit", Shape::Scalar, "what 1 on its grid means in the record's unit: give it to recommend and hindcast"),
        Field::new("estimates", Shape::Table, "r, K and sigma_g with standard errors"),
        Field::new("residuals", Shape::Vector, "observed minus expected next stock of each step (n - 1,), in grid units"),
    ];
    fn into_bundle(self) -> Bundle<'static> {
        let fit = self.fit;
        let names = ["r", "K", "sigma_g"].map(|name| Some(name.to_owned())).to_vec();
        let estimates = Table::new()
            .with("parameter", Column::Text(names))
            .and_then(|t| t.with("estimate", Column::Number(vec![fit.r, fit.k, fit.sigma_g])))
            .and_then(|t| t.with("standard_error", Column::Number(fit.standard_errors.to_vec())))
            .unwrap_or_default();
        Bundle::new().with("model", self.model).with("unit", fit.unit).with("estimates", estimates).with("residuals", fit.residuals)
    }
}

/// `fit-growth`.
pub(crate) struct FitGrowthTask;

impl Measurement for FitGrowthTask {
    const VERB: &'static str = "fit-growth";
    const SUMMARY: &'static str = "growth rate, carrying capacity and growth noise of a stock from its surveys and catches";
    type Params = FitGrowth;
    type Input<'a> = Series;
    type Output = Grown;
    fn measure(params: &Checked<FitGrowth>, input: Series, ctx: &mut Context) -> Result<Grown> {
        let fit = fit_growth(&input.observations, &input.actions, params.order)?;
        if fit.r > 2.0 {
            ctx.warn(format!("r = {:.3} is above the usual range (0, 2): the survey error may be taken for growth", fit.r));
        }
        if fit.k > params.grid.1 {
            ctx.warn(format!("K = {:.3} lies above the grid's end {}; give a wider grid", fit.k, params.grid.1));
        }
        let model = fit.model(&params.template());
        model.check()?;
        let model = serde_json::to_value(model).map_err(|e| Error::internal(e.to_string()))?;
        Ok(Grown { fit, model })
    }
    fn example() -> Bundle<'static> {
        // A stock that is fished down and recovers.
        let surveys = vec![0.9, 0.71, 0.6, 0.48, 0.55, 0.67, 0.8, 0.88];
        let catches = vec![0.3, 0.26, 0.25, 0.1, 0.05, 0.05, 0.08, 0.1];
        Bundle::new().with("observations", surveys).with("actions", catches)
    }
}
