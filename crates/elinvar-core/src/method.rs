//! Methods: their cards, their tasks, and the dynamic layer that the command line and Python call.
//!
//! A method offers tasks of three kinds, each a small typed trait: [`Estimator`] learns a model, [`Measurement`] turns data into
//! findings, [`Operation`] applies a model. [`Verb`] is the dynamic twin of one task, [`Method`] the list of them with a card.

use crate::bundle::{Bundle, Field, Input, Output};
use crate::class::Class;
use crate::context::Context;
use crate::device::Device;
use crate::error::{Error, Kind, Result, suggestion};
use crate::model::{Fitted, FittedModel, Model, State};
use crate::params::{Checked, Params, Spec};
use crate::reproduction::{DynReproduction, Reproduction, Scale};
use crate::status::Status;
use crate::table::Table;
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// What a user reads first about a method.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Card {
    /// Name in URLs, modules and commands.
    pub slug: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// Family, the crate it lives in.
    pub family: &'static str,
    /// One sentence in plain words.
    pub summary: &'static str,
    /// Title, authors, year and identifier of the paper.
    pub paper: Paper,
    /// Time and memory in terms of the input sizes.
    pub complexity: &'static str,
    /// Words that a user may search for.
    pub keywords: &'static [&'static str],
}

/// The paper behind a method.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Paper {
    /// Title.
    pub title: &'static str,
    /// Authors.
    pub authors: &'static str,
    /// Year.
    pub year: u16,
    /// arXiv number or DOI.
    pub reference: &'static str,
}

/// What one trial of a method asks of a machine: a hint for schedulers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Needs {
    /// Cores that a trial can use.
    pub cores: usize,
    /// Bytes of memory.
    pub memory: u64,
    /// Graphics cards.
    pub gpus: usize,
}

impl Default for Needs {
    fn default() -> Self {
        Self { cores: 1, memory: 1 << 30, gpus: 0 }
    }
}

/// Learns a model from data.
pub trait Estimator: 'static {
    /// Name of the task.
    const VERB: &'static str = "fit";
    /// One line for help texts.
    const SUMMARY: &'static str;
    /// Its parameters.
    type Params: Params;
    /// Its data.
    type Input<'a>: Input<'a>;
    /// What it learns.
    type Model: Model;
    /// Fits.
    fn fit(params: &Checked<Self::Params>, input: Self::Input<'_>, ctx: &mut Context) -> Result<Fitted<Self::Model>>;
    /// Small valid data for examples and the conformance suite.
    fn example() -> Bundle<'static>;
}

/// Turns data, or only parameters, into findings.
pub trait Measurement: 'static {
    /// Name of the task.
    const VERB: &'static str;
    /// One line for help texts.
    const SUMMARY: &'static str;
    /// Its parameters.
    type Params: Params;
    /// Its data.
    type Input<'a>: Input<'a>;
    /// What it finds.
    type Output: Output;
    /// Measures.
    fn measure(params: &Checked<Self::Params>, input: Self::Input<'_>, ctx: &mut Context) -> Result<Self::Output>;
    /// Small valid data for examples and the conformance suite.
    fn example() -> Bundle<'static>;
}

/// Applies a fitted model to data.
pub trait Operation: 'static {
    /// Name of the task.
    const VERB: &'static str;
    /// One line for help texts.
    const SUMMARY: &'static str;
    /// Its parameters.
    type Params: Params;
    /// The model that it applies.
    type Model: Model;
    /// Its data.
    type Input<'a>: Input<'a>;
    /// What comes out.
    type Output: Output;
    /// Applies.
    fn apply(params: &Checked<Self::Params>, model: &Self::Model, input: Self::Input<'_>, ctx: &mut Context) -> Result<Self::Output>;
    /// Small valid data for examples and the conformance suite.
    fn example() -> Bundle<'static>;
}

/// The three kinds of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VerbKind {
    /// Data to model.
    Fit,
    /// Data to findings.
    Measure,
    /// Model and data to results.
    Apply,
}

/// What a verb returns: findings, or a model, with status and warnings.
#[derive(Default)]
pub struct Outcome {
    /// The findings, or the attributes of the model.
    pub values: Bundle<'static>,
    /// The model of a fit.
    pub model: Option<FittedModel>,
    /// Warnings in the order they arose.
    pub warnings: Vec<String>,
}

type Run = Box<dyn Fn(&Map<String, Value>, Option<&FittedModel>, &Bundle<'_>, &mut Context) -> Result<Outcome> + Send + Sync>;

/// One task of a method as data and a function.
pub struct Verb {
    /// Name.
    pub name: &'static str,
    /// One line for help texts.
    pub summary: &'static str,
    /// Kind.
    pub kind: VerbKind,
    /// Parameters.
    pub params: Spec,
    /// Inputs.
    pub inputs: &'static [Field],
    /// Outputs; of a fit none, its model has attributes.
    pub outputs: &'static [Field],
    /// Small valid data.
    pub example: fn() -> Bundle<'static>,
    /// Whether it has networks that other devices than the processor can compute.
    pub devices: bool,
    run: Run,
}

impl Verb {
    /// The verb of an estimator.
    pub fn estimator<E: Estimator>() -> Self {
        let run = |params: &Map<String, Value>, _: Option<&FittedModel>, data: &Bundle<'_>, ctx: &mut Context| {
            let checked = Checked::<E::Params>::from_json(params)?;
            let used = serde_json::to_value(&*checked).map_err(|e| Error::internal(e.to_string()))?;
            let Fitted { model, status, trace } = E::fit(&checked, E::Input::from_bundle(data)?, ctx)?;
            let model = FittedModel { params: used, model: Arc::new(model), status, trace };
            Ok(Outcome { values: model.model.attributes(), model: Some(model), warnings: Vec::new() })
        };
        Self {
            name: E::VERB,
            summary: E::SUMMARY,
            kind: VerbKind::Fit,
            params: Spec::of::<E::Params>(),
            inputs: <E::Input<'static> as Input<'static>>::FIELDS,
            outputs: &[],
            example: E::example,
            devices: false,
            run: Box::new(run),
        }
    }

    /// The verb of a measurement.
    pub fn measurement<M: Measurement>() -> Self {
        let run = |params: &Map<String, Value>, _: Option<&FittedModel>, data: &Bundle<'_>, ctx: &mut Context| {
            let checked = Checked::<M::Params>::from_json(params)?;
            let values = M::measure(&checked, M::Input::from_bundle(data)?, ctx)?.into_bundle();
            Ok(Outcome { values, ..Default::default() })
        };
        Self {
            name: M::VERB,
            summary: M::SUMMARY,
            kind: VerbKind::Measure,
            params: Spec::of::<M::Params>(),
            inputs: <M::Input<'static> as Input<'static>>::FIELDS,
            outputs: M::Output::FIELDS,
            example: M::example,
            devices: false,
            run: Box::new(run),
        }
    }

    /// The verb of an operation on a model.
    pub fn operation<O: Operation>() -> Self {
        let run = |params: &Map<String, Value>, model: Option<&FittedModel>, data: &Bundle<'_>, ctx: &mut Context| {
            let fitted = model.ok_or_else(|| Error::model(format!("'{}' needs a fitted model", O::VERB)).hint("fit or load one first"))?;
            let model = fitted.model.as_any().downcast_ref::<O::Model>().ok_or_else(|| {
                Error::model(format!("'{}' needs a model of {}, got one of {}", O::VERB, O::Model::METHOD, fitted.model.method()))
            })?;
            let checked = Checked::<O::Params>::from_json(params)?;
            let values = O::apply(&checked, model, O::Input::from_bundle(data)?, ctx)?.into_bundle();
            Ok(Outcome { values, ..Default::default() })
        };
        Self {
            name: O::VERB,
            summary: O::SUMMARY,
            kind: VerbKind::Apply,
            params: Spec::of::<O::Params>(),
            inputs: <O::Input<'static> as Input<'static>>::FIELDS,
            outputs: O::Output::FIELDS,
            example: O::example,
            devices: false,
            run: Box::new(run),
        }
    }
}

impl Verb {
    /// Refuses a device on which the task computes nothing.
    fn check_device(&self, device: Device) -> Result<()> {
        if self.devices || device == Device::Cpu {
            return Ok(());
        }
        Err(Error::parameter("device", format!("'cpu' for '{}', which has no networks for another", self.name), format!("'{device}'")))
    }
}

type Load = fn(State, u32) -> Result<Arc<dyn crate::model::DynModel>>;

/// A method: card, documentation, tasks, classes and reproduction.
pub struct Method {
    /// The card.
    pub card: Card,
    /// The README of its folder.
    pub readme: &'static str,
    /// Its tasks.
    pub verbs: Vec<Verb>,
    /// Its Python classes.
    pub classes: Vec<Class>,
    /// Its reproduction.
    pub reproduction: Box<dyn DynReproduction>,
    /// What one trial asks of a machine.
    pub needs: Needs,
    /// Name of the flag that takes a model file, `model` unless the field has a better word.
    pub model_flag: &'static str,
    model: Option<(u32, Load)>,
}

impl Method {
    /// A method without tasks.
    pub fn new(card: Card, readme: &'static str, reproduction: impl Reproduction + 'static) -> Self {
        let reproduction: Box<dyn DynReproduction> = Box::new(reproduction);
        Self {
            card,
            readme,
            verbs: Vec::new(),
            classes: Vec::new(),
            reproduction,
            model_flag: "model",
            model: None,
            needs: Needs::default(),
        }
    }

    /// Adds a task that learns a model; its model becomes the model of the method.
    #[must_use]
    pub fn estimator<E: Estimator>(mut self) -> Self {
        self.model = Some((E::Model::FORMAT, |state, format| Ok(Arc::new(E::Model::from_state(state, format)?))));
        self.verbs.push(Verb::estimator::<E>());
        self
    }

    /// Adds a task that measures.
    #[must_use]
    pub fn measurement<M: Measurement>(mut self) -> Self {
        self.verbs.push(Verb::measurement::<M>());
        self
    }

    /// Adds a task that applies the model.
    #[must_use]
    pub fn operation<O: Operation>(mut self) -> Self {
        self.verbs.push(Verb::operation::<O>());
        self
    }

    /// Says that the task added last has networks that other devices than the processor can compute.
    #[must_use]
    pub fn on_devices(mut self) -> Self {
        if let Some(verb) = self.verbs.last_mut() {
            verb.devices = true;
        }
        self
    }

    /// Adds a Python class or function.
    #[must_use]
    pub fn class(mut self, class: Class) -> Self {
        self.classes.push(class);
        self
    }

    /// Says what one trial asks of a machine, where that is not one core and 1 GiB.
    #[must_use]
    pub fn needs(mut self, needs: Needs) -> Self {
        self.needs = needs;
        self
    }

    /// Names the flag that takes a model file.
    #[must_use]
    pub fn model_flag(mut self, flag: &'static str) -> Self {
        self.model_flag = flag;
        self
    }

    /// The scales that its reproduction has trials of, from small to large.
    pub fn scales(&self) -> Vec<Scale> {
        Scale::ALL.into_iter().filter(|&scale| !self.reproduction.trials(scale).is_empty()).collect()
    }

    /// The verb of that name.
    ///
    /// # Errors
    /// When there is none; the message names the nearest.
    pub fn verb(&self, name: &str) -> Result<&Verb> {
        self.verbs.iter().find(|v| v.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.verbs.iter().map(|v| v.name).collect();
            Error::new(Kind::Parameter, format!("there is no task '{name}'"))
                .hint(suggestion(name, &names, "the tasks are"))
                .in_method(self.card.slug)
        })
    }

    /// Runs a task. A panic inside becomes an error: it never crosses this border.
    pub fn run(
        &self,
        verb: &str,
        params: &Map<String, Value>,
        model: Option<&FittedModel>,
        data: &Bundle<'_>,
        ctx: &mut Context,
    ) -> Result<Outcome> {
        let verb = self.verb(verb)?;
        let work = || {
            verb.check_device(ctx.device())?;
            verb.params.check(params)?;
            data.check(verb.inputs)?;
            (verb.run)(params, model, data, ctx)
        };
        let mut outcome = catch_panic(work).map_err(|e| e.in_method(self.card.slug))?;
        outcome.warnings = ctx.warnings().to_vec();
        Ok(outcome)
    }

    /// Layout number of the model of this method, if it has one.
    pub fn model_format(&self) -> Option<u32> {
        self.model.as_ref().map(|(format, _)| *format)
    }

    /// Makes a model again from its state.
    ///
    /// # Errors
    /// When this method has no models, or the state is of a newer format or damaged.
    pub fn load(&self, state: State, format: u32, params: Value) -> Result<FittedModel> {
        let (newest, load) = self.model.as_ref().ok_or_else(|| Error::model("this method has no models").in_method(self.card.slug))?;
        if format > *newest {
            return Err(Error::model(format!("the model has format {format}, this version reads up to {newest}"))
                .hint("install a newer elinvar")
                .in_method(self.card.slug));
        }
        let model = catch_panic(|| load(state, format)).map_err(|e| e.in_method(self.card.slug))?;
        Ok(FittedModel { params, model, status: Status::Converged, trace: Table::new() })
    }
}

/// Runs `work` and turns a panic into an error that says it is a defect.
pub fn catch_panic<R>(work: impl FnOnce() -> Result<R>) -> Result<R> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        Err(Error::internal(format!("a defect of this library: {}", text.unwrap_or_else(|| "panic".into())))
            .hint("please report it with the data that cause it"))
    })
}

/// The methods of a registry, found by slug.
///
/// # Errors
/// When there is none of that name; the message names the nearest.
pub fn find<'a>(methods: &'a [Method], slug: &str) -> Result<&'a Method> {
    methods.iter().find(|m| m.card.slug == slug).ok_or_else(|| {
        let slugs: Vec<&str> = methods.iter().map(|m| m.card.slug).collect();
        Error::new(Kind::Parameter, format!("there is no method '{slug}'")).hint(suggestion(slug, &slugs, "the methods are"))
    })
}
