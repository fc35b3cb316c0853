//! Parameters: declared once as a struct, checked once, described once.
//!
//! A parameter struct derives `Serialize`, `Deserialize` and `JsonSchema`. Its schema (names, defaults, ranges, meanings) gives the
//! flags of the command line, the signatures of Python, the tables of the documentation and every message about a wrong value.

use crate::error::{Error, Result, suggestion};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The parameters of a task: plain data with defaults.
pub trait Params: Clone + Default + PartialEq + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// Rules over several fields; ranges of a single field belong into its schema.
    fn check_together(&self) -> Result<()> {
        Ok(())
    }
}

/// No parameters at all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoParams {}

impl Params for NoParams {}

/// Parameters that passed their checks. Only [`Checked::new`] and [`Checked::from_json`] make one, so an algorithm that takes
/// `&Checked<P>` needs no checks of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked<P>(P);

impl<P: Params> Checked<P> {
    /// Checks every field against its declared range, then the rules over several fields.
    ///
    /// # Errors
    /// Names the parameter, what was expected and what was got.
    pub fn new(params: P) -> Result<Self> {
        let spec = Spec::of::<P>();
        let values = to_object(&params)?;
        for parameter in &spec.parameters {
            let value = values.get(&parameter.name).unwrap_or(&Value::Null);
            parameter.check(value)?;
        }
        params.check_together()?;
        Ok(Self(params))
    }

    /// Reads parameters from a JSON object; absent ones get their default.
    ///
    /// # Errors
    /// Also when a name is unknown; the message names the nearest.
    pub fn from_json(values: &Map<String, Value>) -> Result<Self> {
        let spec = Spec::of::<P>();
        spec.check(values)?;
        let params = P::deserialize(Value::Object(values.clone()))
            .map_err(|error| Error::new(crate::Kind::Parameter, format!("parameters cannot be read: {error}")))?;
        Self::new(params)
    }

    /// The parameters.
    pub fn into_inner(self) -> P {
        self.0
    }
}

impl<P> std::ops::Deref for Checked<P> {
    type Target = P;
    fn deref(&self) -> &P {
        &self.0
    }
}

/// What values a parameter takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Domain {
    /// True or false.
    Bool,
    /// A whole number.
    Integer,
    /// A real number.
    Number,
    /// Free text.
    Text,
    /// One of a few words.
    Choice {
        /// The words.
        choices: Vec<String>,
    },
    /// A list.
    List {
        /// Domain of the elements.
        of: Box<Domain>,
    },
    /// A table of names and values.
    Map {
        /// Domain of the values.
        of: Box<Domain>,
    },
    /// One of several domains, such as a number or a list.
    Either {
        /// The domains.
        of: Vec<Domain>,
    },
    /// Anything that JSON can hold.
    Any,
}

/// Bounds of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Bounds {
    /// Least value.
    pub min: Option<f64>,
    /// Greatest value.
    pub max: Option<f64>,
    /// Values must be greater than this.
    pub above: Option<f64>,
    /// Values must be less than this.
    pub below: Option<f64>,
}

impl Bounds {
    fn contain(&self, x: f64) -> bool {
        // Written so that NaN fails whenever there is a bound.
        self.min.is_none_or(|b| x >= b)
            && self.max.is_none_or(|b| x <= b)
            && self.above.is_none_or(|b| x > b)
            && self.below.is_none_or(|b| x < b)
    }

    /// `> 0`, `>= 8`, `in [0, 1)`; empty where there is no bound.
    pub fn describe(&self) -> String {
        let low = self.min.map(|b| (b, true)).or(self.above.map(|b| (b, false)));
        let high = self.max.map(|b| (b, true)).or(self.below.map(|b| (b, false)));
        match (low, high) {
            (None, None) => String::new(),
            (Some((b, closed)), None) => format!("{} {b}", if closed { ">=" } else { ">" }),
            (None, Some((b, closed))) => format!("{} {b}", if closed { "<=" } else { "<" }),
            (Some((a, ca)), Some((b, cb))) => format!("in {}{a}, {b}{}", if ca { '[' } else { '(' }, if cb { ']' } else { ')' }),
        }
    }
}

/// One parameter as data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parameter {
    /// Name, the same in Rust, TOML, JSON and Python; the flag has `-` for `_`.
    pub name: String,
    /// What values it takes.
    pub domain: Domain,
    /// Bounds of the number, or of every number of the list.
    pub bounds: Bounds,
    /// Whether `null` (None, `none` on the command line) is a value.
    pub nullable: bool,
    /// Default value.
    pub default: Value,
    /// Meaning, with unit and the paper's symbol.
    pub doc: String,
    /// Whether a sweep should move on a logarithmic scale.
    pub log_scale: bool,
    /// A choice that the command line also takes as a flag of its own: `--exact` for `--method exact`.
    pub shorthand: Option<String>,
    /// What to do about a value out of range, where the range alone does not say.
    pub hint: Option<String>,
    /// Number of elements of a list that has always as many.
    pub length: Option<usize>,
}

impl Parameter {
    /// What a value must be, for messages and tables: `a number > 0, or none`.
    pub fn expected(&self) -> String {
        let base = expected(&self.domain, &self.bounds);
        if self.nullable { format!("{base} or none") } else { base }
    }

    /// Checks one value.
    ///
    /// # Errors
    /// `parameter 'name' must be EXPECTED, got VALUE`.
    pub fn check(&self, value: &Value) -> Result<()> {
        let fine = (self.nullable && value.is_null()) || fits(&self.domain, &self.bounds, value);
        if fine {
            return Ok(());
        }
        let error = Error::parameter(&self.name, self.expected(), show(value));
        Err(match &self.hint {
            Some(hint) => error.hint(hint),
            None => error,
        })
    }

    /// Reads a value as a person writes it in a shell: `0.1`, `none`, `[32, 32]`, `32,32`, `euclidean`.
    ///
    /// # Errors
    /// As [`Parameter::check`].
    pub fn parse(&self, text: &str) -> Result<Value> {
        let value = self.parse_text(text.trim());
        self.check(&value)?;
        Ok(value)
    }

    /// The value in the one form that its domain has: the number 1 is 1.0, the whole number 1.0 is 1.
    pub fn normal(&self, value: Value) -> Value {
        match (&self.domain, value.as_f64()) {
            (Domain::Number, Some(x)) => Value::from(x),
            (Domain::Integer, Some(x)) if !value.is_u64() && x.fract() == 0.0 => Value::from(x as i64),
            _ => value,
        }
    }

    fn parse_text(&self, text: &str) -> Value {
        if self.nullable && matches!(text.to_ascii_lowercase().as_str(), "none" | "null") {
            return Value::Null;
        }
        parse_as(&self.domain, text)
    }
}

/// All parameters of a task, in the order of the struct.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Spec {
    /// The parameters.
    pub parameters: Vec<Parameter>,
}

impl Spec {
    /// The spec of a parameter struct, from its JSON schema and its defaults.
    pub fn of<P: Params>() -> Self {
        let schema = schemars::schema_for!(P).to_value();
        let defaults = to_object(&P::default()).unwrap_or_default();
        let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        let parameters = properties.iter().map(|(name, property)| read_property(name, property, &schema, defaults.get(name))).collect();
        Self { parameters }
    }

    /// The parameter of that name.
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|p| p.name == name)
    }

    /// The names in order.
    pub fn names(&self) -> Vec<&str> {
        self.parameters.iter().map(|p| p.name.as_str()).collect()
    }

    /// Checks names and values of an object of parameters.
    ///
    /// # Errors
    /// For an unknown name (with the nearest) or a value out of range.
    pub fn check(&self, values: &Map<String, Value>) -> Result<()> {
        for (name, value) in values {
            let parameter = self.get(name).ok_or_else(|| {
                Error::new(crate::Kind::Parameter, format!("there is no parameter '{name}'")).hint(suggestion(
                    name,
                    &self.names(),
                    "the parameters are",
                ))
            })?;
            parameter.check(value)?;
        }
        Ok(())
    }
}

fn to_object(params: &impl Serialize) -> Result<Map<String, Value>> {
    let not_finite = find_not_finite(params);
    if let Some((name, value)) = not_finite {
        return Err(Error::parameter(&name, "finite", value));
    }
    match serde_json::to_value(params) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => Err(Error::internal(format!("parameters must serialise to an object, got {other}"))),
        Err(error) => Err(Error::internal(format!("parameters cannot be serialised: {error}"))),
    }
}

/// JSON has no NaN and TOML has: the detour finds non-finite numbers that JSON would turn into `null`.
fn find_not_finite(params: &impl Serialize) -> Option<(String, f64)> {
    fn first(value: &toml::Value) -> Option<f64> {
        match value {
            toml::Value::Float(x) if !x.is_finite() => Some(*x),
            toml::Value::Array(items) => items.iter().find_map(first),
            toml::Value::Table(table) => table.values().find_map(first),
            _ => None,
        }
    }
    let table = toml::Table::try_from(params).ok()?;
    table.iter().find_map(|(name, value)| first(value).map(|x| (name.clone(), x)))
}

fn read_property(name: &str, property: &Value, root: &Value, default: Option<&Value>) -> Parameter {
    let (core, nullable) = without_null(property, root);
    let (domain, inner) = domain_of(&core, root);
    let bounds = bounds_of(property).or(bounds_of(&core)).or(bounds_of(&inner)).unwrap_or_default();
    Parameter {
        name: name.to_owned(),
        domain,
        bounds,
        nullable,
        default: default.cloned().unwrap_or(Value::Null),
        doc: text_of(property, "description").or(text_of(&core, "description")).unwrap_or_default(),
        log_scale: property.get("x-scale").and_then(Value::as_str) == Some("log"),
        shorthand: text_of(property, "x-shorthand"),
        hint: text_of(property, "x-hint"),
        length: property
            .get("minItems")
            .filter(|least| property.get("maxItems") == Some(least))
            .and_then(Value::as_u64)
            .map(|n| n as usize),
    }
}

fn text_of(schema: &Value, key: &str) -> Option<String> {
    // Line breaks inside a paragraph of a doc comment carry no meaning.
    schema.get(key).and_then(Value::as_str).map(|s| s.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn resolve(schema: &Value, root: &Value) -> Value {
    let reference = schema.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix("#/$defs/"));
    match reference.and_then(|name| root.get("$defs").and_then(|defs| defs.get(name))) {
        Some(target) => target.clone(),
        None => schema.clone(),
    }
}

/// Splits `T or null` into `T` and whether null is allowed.
fn without_null(property: &Value, root: &Value) -> (Value, bool) {
    let is_null = |v: &Value| v.get("type").and_then(Value::as_str) == Some("null");
    if let Some(any) = property.get("anyOf").and_then(Value::as_array) {
        let rest: Vec<&Value> = any.iter().filter(|v| !is_null(v)).collect();
        let nullable = rest.len() < any.len();
        return match rest.as_slice() {
            [one] => (resolve(one, root), nullable),
            _ => (property.clone(), nullable),
        };
    }
    if let Some(types) = property.get("type").and_then(Value::as_array) {
        let rest: Vec<&Value> = types.iter().filter(|t| t.as_str() != Some("null")).collect();
        let mut single = property.clone();
        if let ([one], Some(object)) = (rest.as_slice(), single.as_object_mut()) {
            object.insert("type".into(), (*one).clone());
            return (single, rest.len() < types.len());
        }
    }
    (resolve(property, root), false)
}

/// Domain of a schema, and the schema that may hold its numeric bounds.
fn domain_of(schema: &Value, root: &Value) -> (Domain, Value) {
    let schema = resolve(schema, root);
    if let Some(choices) = choices_of(&schema) {
        return (Domain::Choice { choices }, schema);
    }
    if let Some(any) = schema.get("anyOf").and_then(Value::as_array) {
        let parts: Vec<(Domain, Value)> = any.iter().map(|v| domain_of(v, root)).collect();
        let inner = parts.iter().map(|(_, v)| v).find(|v| bounds_of(v).is_some()).cloned().unwrap_or_default();
        let of = parts.into_iter().map(|(d, _)| d).filter(|d| *d != Domain::Any).collect();
        return (Domain::Either { of }, inner);
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("boolean") => (Domain::Bool, schema),
        Some("integer") => (Domain::Integer, schema),
        Some("number") => (Domain::Number, schema),
        Some("string") => (Domain::Text, schema),
        Some("array") => {
            let (of, inner) = domain_of(schema.get("items").unwrap_or(&Value::Null), root);
            (Domain::List { of: Box::new(of) }, inner)
        }
        Some("object") => {
            let (of, inner) = domain_of(schema.get("additionalProperties").unwrap_or(&Value::Null), root);
            (Domain::Map { of: Box::new(of) }, inner)
        }
        _ => (Domain::Any, schema),
    }
}

/// Words of a plain enum, with or without docs on its variants.
fn choices_of(schema: &Value) -> Option<Vec<String>> {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.iter().map(|w| w.as_str().map(str::to_owned)).collect();
    }
    let one_of = schema.get("oneOf").and_then(Value::as_array)?;
    let mut words = Vec::new();
    for variant in one_of {
        match (variant.get("const").and_then(Value::as_str), choices_of(variant)) {
            (Some(word), _) => words.push(word.to_owned()),
            (None, Some(more)) => words.extend(more),
            (None, None) => return None,
        }
    }
    Some(words)
}

fn bounds_of(schema: &Value) -> Option<Bounds> {
    let number = |key: &str| schema.get(key).and_then(Value::as_f64);
    let bounds =
        Bounds { min: number("minimum"), max: number("maximum"), above: number("exclusiveMinimum"), below: number("exclusiveMaximum") };
    (bounds != Bounds::default()).then_some(bounds)
}

fn expected(domain: &Domain, bounds: &Bounds) -> String {
    let range = bounds.describe();
    match domain {
        Domain::Bool => "true or false".into(),
        Domain::Integer if range.is_empty() => "a whole number".into(),
        Domain::Integer => format!("a whole number {range}"),
        Domain::Number if range.is_empty() => "a number".into(),
        Domain::Number => range,
        Domain::Text => "text".into(),
        Domain::Choice { choices } => format!("one of {}", choices.iter().map(|c| format!("'{c}'")).collect::<Vec<_>>().join(", ")),
        Domain::List { of } => format!("a list, each element {}", expected(of, bounds)),
        Domain::Map { of } => format!("a table of names, each value {}", expected(of, bounds)),
        Domain::Either { of } => of.iter().map(|d| expected(d, bounds)).collect::<Vec<_>>().join(", or "),
        Domain::Any => "a value".into(),
    }
}

fn fits(domain: &Domain, bounds: &Bounds, value: &Value) -> bool {
    match domain {
        Domain::Bool => value.is_boolean(),
        Domain::Integer => (value.is_i64() || value.is_u64()) && value.as_f64().is_some_and(|x| bounds.contain(x)),
        Domain::Number => value.as_f64().is_some_and(|x| bounds.contain(x)),
        Domain::Text => value.is_string(),
        Domain::Choice { choices } => value.as_str().is_some_and(|s| choices.iter().any(|c| c == s)),
        Domain::List { of } => value.as_array().is_some_and(|items| items.iter().all(|v| fits(of, bounds, v))),
        Domain::Map { of } => value.as_object().is_some_and(|items| items.values().all(|v| fits(of, bounds, v))),
        Domain::Either { of } => of.iter().any(|d| fits(d, bounds, value)),
        Domain::Any => true,
    }
}

fn parse_as(domain: &Domain, text: &str) -> Value {
    match domain {
        Domain::Text | Domain::Choice { .. } => Value::String(text.into()),
        Domain::List { of } if !text.starts_with('[') => {
            Value::Array(text.split(',').map(str::trim).filter(|s| !s.is_empty()).map(|s| parse_as(of, s)).collect())
        }
        Domain::Map { of } if !text.starts_with('{') => {
            let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
            Value::Object(pairs.map(|(k, v)| (k.trim().to_owned(), parse_as(of, v.trim()))).collect())
        }
        Domain::Either { of } => of.iter().map(|d| parse_as(d, text)).find(|v| !v.is_string()).unwrap_or(Value::String(text.into())),
        _ => serde_json::from_str(text).unwrap_or(Value::String(text.into())),
    }
}

fn show(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::String(s) => format!("'{s}'"),
        Value::Array(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Cost {
        /// Squared distance.
        Sqeuclidean,
        /// Distance.
        Euclidean,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    struct Sample {
        /// Weight of the gap
        /// (lambda).
        #[schemars(range(min = 0.0))]
        weight: f64,
        #[schemars(extend("exclusiveMinimum" = 0.0, "x-scale" = "log"))]
        rate: f64,
        cost: Cost,
        #[schemars(extend("minimum" = 8))]
        batch_size: Option<usize>,
        #[schemars(inner(range(min = 1)))]
        hidden: Vec<usize>,
        types: std::collections::BTreeMap<String, String>,
        verbose: bool,
    }

    impl Default for Sample {
        fn default() -> Self {
            Self {
                weight: 1.0,
                rate: 1e-3,
                cost: Cost::Euclidean,
                batch_size: Some(256),
                hidden: vec![4, 4],
                types: Default::default(),
                verbose: false,
            }
        }
    }

    impl Params for Sample {
        fn check_together(&self) -> Result<()> {
            if self.weight > 100.0 && self.rate > 1.0 {
                Err(Error::parameter("rate", "<= 1 with a weight > 100", self.rate))
            } else {
                Ok(())
            }
        }
    }

    fn message(params: Sample) -> String {
        Checked::new(params).unwrap_err().to_string()
    }

    #[test]
    fn spec_reads_names_defaults_docs_and_bounds_in_order() {
        let spec = Spec::of::<Sample>();
        assert_eq!(spec.names(), ["weight", "rate", "cost", "batch_size", "hidden", "types", "verbose"]);
        assert_eq!(spec.parameters[0].doc, "Weight of the gap (lambda).");
        assert_eq!(spec.parameters[0].default, serde_json::json!(1.0));
        assert!(spec.parameters[1].log_scale);
        assert_eq!(spec.parameters[2].domain, Domain::Choice { choices: vec!["sqeuclidean".into(), "euclidean".into()] });
        assert!(spec.parameters[3].nullable);
        assert_eq!(spec.parameters[3].expected(), "a whole number >= 8 or none");
        assert_eq!(spec.parameters[4].expected(), "a list, each element a whole number >= 1");
    }

    #[test]
    fn ranges_are_checked_and_nan_is_refused() {
        assert!(Checked::new(Sample::default()).is_ok());
        assert_eq!(message(Sample { weight: -1.0, ..Default::default() }), "parameter 'weight' must be >= 0, got -1.0");
        assert_eq!(message(Sample { rate: 0.0, ..Default::default() }), "parameter 'rate' must be > 0, got 0.0");
        assert_eq!(message(Sample { rate: f64::NAN, ..Default::default() }), "parameter 'rate' must be finite, got NaN");
        assert_eq!(
            message(Sample { batch_size: Some(3), ..Default::default() }),
            "parameter 'batch_size' must be a whole number >= 8 or none, got 3"
        );
        assert!(message(Sample { weight: 200.0, rate: 2.0, ..Default::default() }).contains("with a weight"));
    }

    #[test]
    fn unknown_names_name_the_nearest() {
        let values = serde_json::json!({"wieght": 2});
        let error = Checked::<Sample>::from_json(values.as_object().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "there is no parameter 'wieght'; did you mean 'weight'?");
    }

    #[test]
    fn shell_text_is_read_by_domain() {
        let spec = Spec::of::<Sample>();
        let parse = |name: &str, text: &str| spec.get(name).unwrap().parse(text);
        assert_eq!(parse("hidden", "32,16").unwrap(), serde_json::json!([32, 16]));
        assert_eq!(parse("hidden", "[32, 16]").unwrap(), serde_json::json!([32, 16]));
        assert_eq!(parse("batch_size", "none").unwrap(), Value::Null);
        assert_eq!(parse("cost", "euclidean").unwrap(), serde_json::json!("euclidean"));
        assert_eq!(parse("types", "age=continuous").unwrap(), serde_json::json!({"age": "continuous"}));
        assert_eq!(parse("rate", "fast").unwrap_err().to_string(), "parameter 'rate' must be > 0, got 'fast'");
        assert!(parse("cost", "manhattan").unwrap_err().to_string().contains("one of 'sqeuclidean', 'euclidean'"));
    }
}
