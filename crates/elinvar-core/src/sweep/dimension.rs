//! What a sweep varies: parameters with a list or a range of values.

use crate::error::{Error, Kind, Result};
use crate::params::{Domain, Parameter, Spec};
use serde_json::{Map, Value, json};

/// What a parameter runs over.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// These.
    List(Vec<Value>),
    /// All between two numbers.
    Range {
        /// Least.
        low: f64,
        /// Greatest.
        high: f64,
        /// Equal steps are equal factors.
        log: bool,
        /// Whole numbers only.
        whole: bool,
    },
}

/// A parameter and what it runs over.
#[derive(Clone, Debug, PartialEq)]
pub struct Dimension {
    /// Name of the parameter.
    pub name: String,
    /// Its values.
    pub values: Values,
}

/// Forms that [`Dimension::parse`] reads.
const FORMS: &str = "NAME, NAME=LOW..HIGH, NAME=log:LOW..HIGH, NAME=linear:LOW..HIGH or NAME=A,B,C";

impl Dimension {
    /// Reads `name=log:1e-3..1`, `name=0..1` (on the scale of the parameter's schema), `name=1,2,3`, or `name` alone for the values and the
    /// range of its schema.
    ///
    /// # Errors
    /// For another form, an unknown parameter, or values that the parameter does not take.
    pub fn parse(text: &str, spec: &Spec) -> Result<Self> {
        let (name, values) = text.split_once('=').map_or((text, None), |(name, values)| (name, Some(values)));
        let parameter = find(name, spec)?;
        let values = match values {
            None => of_schema(parameter)?,
            Some(values) => match values.split_once("..") {
                Some((low, high)) => {
                    let bad = || Error::parameter("param", FORMS, format!("'{text}'"));
                    let (scale, low) = low.split_once(':').map_or((None, low), |(scale, low)| (Some(scale), low));
                    let log = match scale {
                        None => parameter.log_scale,
                        Some("log") => true,
                        Some("linear") => false,
                        Some(_) => return Err(bad()),
                    };
                    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| bad());
                    range(parameter, number(low)?, number(high)?, log)?
                }
                None => Values::List(list(values, parameter)?),
            },
        };
        Ok(Self { name: parameter.name.clone(), values })
    }

    /// Reads a list of values or `{"low": 0.1, "high": 1, "log": true}`; `log` is that of the schema where it is absent, and `null` the values
    /// and the range of the schema.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn from_json(name: &str, values: &Value, spec: &Spec) -> Result<Self> {
        let parameter = find(name, spec)?;
        let values = match values {
            Value::Null => of_schema(parameter)?,
            Value::Array(items) => Values::List(normal(items.clone(), parameter)?),
            Value::Object(fields) => {
                let known = |key: &&String| ["low", "high", "log"].contains(&key.as_str());
                let [low, high] = ["low", "high"].map(|end| fields.get(end).and_then(Value::as_f64));
                let (Some((low, high)), None) = (low.zip(high), fields.keys().find(|key| !known(key))) else {
                    return Err(Error::parameter(name, "a list of values, or low and high", values));
                };
                range(parameter, low, high, fields.get("log").and_then(Value::as_bool).unwrap_or(parameter.log_scale))?
            }
            other => return Err(Error::parameter(name, "a list of values, or low and high", other)),
        };
        match &values {
            Values::List(items) if items.is_empty() => Err(Error::parameter(name, "a list of at least one value", "an empty one")),
            _ => Ok(Self { name: parameter.name.clone(), values }),
        }
    }

    /// As [`Self::from_json`] reads it.
    pub fn to_json(&self) -> Value {
        match &self.values {
            Values::List(items) => json!(items),
            Values::Range { low, high, log, .. } => json!({"low": low, "high": high, "log": log}),
        }
    }

    /// The value at a share of the way from the first to the last, 0 <= share < 1.
    pub(super) fn at(&self, share: f64) -> Value {
        match &self.values {
            Values::List(items) => items[((share * items.len() as f64) as usize).min(items.len() - 1)].clone(),
            // Every whole number has the same share.
            Values::Range { low, high, log: false, whole: true } => number((low + share * (high - low + 1.0)).floor().min(*high), true),
            Values::Range { low, high, log: true, whole } => {
                number((low.ln() + share * (high / low).ln()).exp().clamp(*low, *high), *whole)
            }
            Values::Range { low, high, log: false, whole } => number((low + share * (high - low)).clamp(*low, *high), *whole),
        }
    }

    /// Where a value lies between the first and the last, in [0, 1]; on the scale of the range. Nothing for a value that is not among them.
    pub fn place(&self, value: &Value) -> Option<f64> {
        match &self.values {
            Values::List(items) => {
                let position = items.iter().position(|item| item == value || item.as_f64().is_some_and(|x| value.as_f64() == Some(x)))?;
                Some(if items.len() > 1 { position as f64 / (items.len() - 1) as f64 } else { 0.5 })
            }
            Values::Range { low, high, log, .. } => {
                let x = value.as_f64()?;
                Some(if *log { (x / low).ln() / (high / low).ln() } else { (x - low) / (high - low) })
            }
        }
    }
}

fn find<'a>(name: &str, spec: &'a Spec) -> Result<&'a Parameter> {
    let name = name.trim().replace('-', "_");
    // The spec names the nearest parameter where there is none of that name.
    let default = spec.get(&name).map_or(Value::Null, |parameter| parameter.default.clone());
    spec.check(&Map::from_iter([(name.clone(), default)]))?;
    spec.get(&name).ok_or_else(|| Error::internal(format!("there is no parameter '{name}'")))
}

/// `1,2,3`, or lists in brackets: `[32],[64,64]`.
fn list(text: &str, parameter: &Parameter) -> Result<Vec<Value>> {
    if text.trim_start().starts_with('[') {
        let items: Vec<Value> =
            serde_json::from_str(&format!("[{text}]")).map_err(|_| Error::parameter("param", FORMS, format!("'{text}'")))?;
        return normal(items, parameter);
    }
    normal(text.split(',').map(|item| parameter.parse(item)).collect::<Result<_>>()?, parameter)
}

/// Values that the parameter takes, in the one form that its domain has.
fn normal(items: Vec<Value>, parameter: &Parameter) -> Result<Vec<Value>> {
    items.iter().try_for_each(|item| parameter.check(item))?;
    Ok(items.into_iter().map(|item| parameter.normal(item)).collect())
}

fn range(parameter: &Parameter, low: f64, high: f64, log: bool) -> Result<Values> {
    let name = &parameter.name;
    if !matches!(parameter.domain, Domain::Number | Domain::Integer) {
        return Err(Error::new(Kind::Parameter, format!("'{name}' is no number and has no range"))
            .hint(format!("give values: {}", parameter.expected())));
    }
    if !(low < high && low.is_finite() && high.is_finite()) {
        return Err(Error::parameter(name, "a range from a lower to a higher number", format!("{low}..{high}")));
    }
    if log && low <= 0.0 {
        let error = Error::parameter(name, "a range above 0 on its logarithmic scale", format!("{low}..{high}"));
        return Err(error.hint(format!("start above 0, or use a linear scale: {name}=linear:{low}..{high}")));
    }
    let whole = parameter.domain == Domain::Integer;
    // Both ends must be values of the parameter; so is then everything between.
    [low, high].iter().try_for_each(|&x| parameter.check(&number(x, whole)))?;
    Ok(Values::Range { low, high, log, whole })
}

/// All values of a parameter, where its schema says them.
fn of_schema(parameter: &Parameter) -> Result<Values> {
    match (&parameter.domain, parameter.bounds.min, parameter.bounds.max) {
        (Domain::Bool, ..) => Ok(Values::List(vec![json!(false), json!(true)])),
        (Domain::Choice { choices }, ..) => Ok(Values::List(choices.iter().map(|word| json!(word)).collect())),
        (Domain::Number | Domain::Integer, Some(low), Some(high)) => range(parameter, low, high, parameter.log_scale && low > 0.0),
        _ => Err(Error::new(Kind::Parameter, format!("'{}' needs its values, its schema has no range to both sides", parameter.name))
            .hint(format!("give {0}=LOW..HIGH or {0}=A,B,C", parameter.name))),
    }
}

fn number(x: f64, whole: bool) -> Value {
    if whole { Value::from(x.round() as i64) } else { Value::from(x) }
}
