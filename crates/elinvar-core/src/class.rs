//! How the tasks of a method appear in Python: classes and functions as data, from which the package's modules are generated.

use crate::params::{Params, Spec};
use serde::Serialize;

/// Which of scikit-learn's roles a class plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// `fit` and `predict` a number.
    Regressor,
    /// `fit` and `predict` one of two classes.
    Classifier,
    /// `fit` and `predict` a class, any number of them.
    MultiClassifier,
    /// `fit` and `transform`.
    Transformer,
    /// A transformer that keeps some of the columns.
    Selector,
    /// `fit` and `predict` a class of arrays (n, channels, samples), any number of classes.
    SignalClassifier,
    /// `fit` and `predict` a class of images (n, channels, height, width), any number of classes.
    ImageClassifier,
    /// `transform` of arrays (n, channels, samples) that needs nothing of the others.
    SignalTransformer,
    /// Any other object that fits a model.
    Estimator,
    /// An object whose methods only measure.
    Measurement,
    /// An object whose first method, `fit`, measures and keeps its inputs, about which the others answer.
    Bound,
    /// A function of the module; the only method is itself.
    Function,
}

/// One method of a class: its Python name and the verb that it calls.
///
/// Parameters of the verb that are not parameters of the constructor become keyword arguments.
#[derive(Clone, Debug, Serialize)]
pub struct ClassMethod {
    /// Python name.
    pub name: &'static str,
    /// Verb.
    pub verb: &'static str,
    /// Output to return alone; all of them as one result object where this is empty.
    pub returns: &'static [&'static str],
    /// Inputs of the verb that it takes; all of them where this is empty.
    pub takes: &'static [&'static str],
}

impl ClassMethod {
    /// Whether it takes this input.
    pub fn takes(&self, input: &str) -> bool {
        self.takes.is_empty() || self.takes.contains(&input)
    }
}

/// One Python class or function.
#[derive(Clone, Debug, Serialize)]
pub struct Class {
    /// Python name.
    pub name: &'static str,
    /// First lines of its docstring.
    pub doc: &'static str,
    /// Role.
    pub role: Role,
    /// Parameters of the constructor.
    pub constructor: Spec,
    /// Constructor parameters that are fixed for this class, such as the loss of a classifier, as JSON text.
    pub fixed: &'static [(&'static str, &'static str)],
    /// Methods.
    pub methods: Vec<ClassMethod>,
    /// Python names of inputs where the field's habit differs from the declared name, such as `features` and `X`.
    pub inputs: &'static [(&'static str, &'static str)],
    /// Attributes of the fitted model and their meaning, for the docstring.
    pub attributes: &'static [(&'static str, &'static str)],
    /// Methods and functions that draw random numbers: they take `random_state`. Fits always do, in the constructor.
    pub random: &'static [&'static str],
    /// Whether its features may be a sparse matrix.
    pub sparse: bool,
    /// Classes of the Python package that add plots to it.
    pub plots: &'static [&'static str],
}

impl Class {
    /// A class with the parameters of `P` in its constructor.
    pub fn new<P: Params>(name: &'static str, role: Role, doc: &'static str) -> Self {
        Self {
            name,
            doc,
            role,
            constructor: Spec::of::<P>(),
            fixed: &[],
            methods: Vec::new(),
            inputs: &[],
            attributes: &[],
            random: &[],
            sparse: false,
            plots: &[],
        }
    }

    /// Adds a method that returns all outputs of a verb.
    #[must_use]
    pub fn method(self, name: &'static str, verb: &'static str) -> Self {
        self.method_returning(name, verb, &[])
    }

    /// Adds a method that returns these outputs of a verb, as one value or as a tuple.
    #[must_use]
    pub fn method_returning(mut self, name: &'static str, verb: &'static str, returns: &'static [&'static str]) -> Self {
        self.methods.push(ClassMethod { name, verb, returns, takes: &[] });
        self
    }

    /// Restricts the method that was added last to these inputs.
    #[must_use]
    pub fn taking(mut self, inputs: &'static [&'static str]) -> Self {
        if let Some(last) = self.methods.last_mut() {
            last.takes = inputs;
        }
        self
    }

    /// Fixes constructor parameters.
    #[must_use]
    pub fn fixed(mut self, fixed: &'static [(&'static str, &'static str)]) -> Self {
        self.fixed = fixed;
        self
    }

    /// Gives inputs other names in Python: `(declared, python)`.
    #[must_use]
    pub fn inputs(mut self, inputs: &'static [(&'static str, &'static str)]) -> Self {
        self.inputs = inputs;
        self
    }

    /// Describes attributes of the fitted model: `(name without the underscore, meaning)`.
    #[must_use]
    pub fn attributes(mut self, attributes: &'static [(&'static str, &'static str)]) -> Self {
        self.attributes = attributes;
        self
    }

    /// Names the measuring methods that draw random numbers.
    #[must_use]
    pub fn random(mut self, methods: &'static [&'static str]) -> Self {
        self.random = methods;
        self
    }

    /// Adds plots: names of classes in `elinvar._plots`.
    #[must_use]
    pub fn plots(mut self, plots: &'static [&'static str]) -> Self {
        self.plots = plots;
        self
    }

    /// Its features may be a sparse matrix.
    #[must_use]
    pub fn sparse(mut self) -> Self {
        self.sparse = true;
        self
    }
}
