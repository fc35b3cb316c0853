//! Fitted models: what is learned, kept, saved and applied.

use crate::bundle::Bundle;
use crate::error::{Error, Result};
use crate::status::Status;
use crate::table::Table;
use serde_json::Value;
use std::any::Any;
use std::sync::Arc;

/// Named arrays and a JSON value: all that a model file holds.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Arrays by name (only array items).
    pub arrays: Bundle<'static>,
    /// Everything else.
    pub json: Value,
}

impl State {
    /// Reads a field of the JSON part.
    ///
    /// # Errors
    /// When it is absent or of another form: the file is damaged or not of this model.
    pub fn field<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T> {
        let value = self.json.get(name).cloned().unwrap_or(Value::Null);
        serde_json::from_value(value).map_err(|e| Error::model(format!("the model file has no usable '{name}': {e}")))
    }
}

/// A fitted model. Its operations (predict, transform, ...) are tasks of their own: see [`crate::method::Operation`].
pub trait Model: Send + Sync + Sized + 'static {
    /// Slug of the method that fits it.
    const METHOD: &'static str;
    /// Number of the file layout; old ones stay readable.
    const FORMAT: u32;
    /// What a user wants to see of it; `name_` in Python.
    fn attributes(&self) -> Bundle<'static>;
    /// All that is needed to make it again.
    fn to_state(&self) -> State;
    /// Makes it again from a state of this or an older format.
    fn from_state(state: State, format: u32) -> Result<Self>;
}

/// A model with how it was fitted.
#[derive(Clone, Debug)]
pub struct Fitted<M> {
    /// The model.
    pub model: M,
    /// How the fit ended.
    pub status: Status,
    /// Figures of every recorded step.
    pub trace: Table,
}

/// The model as the dynamic layer sees it.
pub trait DynModel: Send + Sync {
    /// Slug of the method.
    fn method(&self) -> &'static str;
    /// Number of the file layout.
    fn format(&self) -> u32;
    /// See [`Model::attributes`].
    fn attributes(&self) -> Bundle<'static>;
    /// See [`Model::to_state`].
    fn to_state(&self) -> State;
    /// For operations, which know the concrete type.
    fn as_any(&self) -> &dyn Any;
}

impl<M: Model> DynModel for M {
    fn method(&self) -> &'static str {
        M::METHOD
    }
    fn format(&self) -> u32 {
        M::FORMAT
    }
    fn attributes(&self) -> Bundle<'static> {
        Model::attributes(self)
    }
    fn to_state(&self) -> State {
        Model::to_state(self)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A fitted model together with the parameters that made it: what a model file holds.
#[derive(Clone)]
pub struct FittedModel {
    /// The parameters of the fit.
    pub params: Value,
    /// The model.
    pub model: Arc<dyn DynModel>,
    /// How the fit ended.
    pub status: Status,
    /// Figures of every recorded step.
    pub trace: Table,
}
