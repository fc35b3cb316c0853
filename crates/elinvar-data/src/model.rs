//! Fitted models as files.

use crate::Format;
use crate::container::{Container, to_bytes};
use crate::limits::json_too_deep;
use crate::npz::plain;
use crate::output::atomic_write;
use crate::source::{Name, Source};
use crate::tensor::TensorData;
use elinvar_core::{Bundle, Error, Result, State};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// A fitted model as it stands in a file: one `.safetensors` with the arrays, and everything else in its metadata.
///
/// Equal models give equal bytes. Other programs can read the arrays as they read any safetensors file.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFile {
    /// Slug of the method that fitted it.
    pub slug: String,
    /// Number of the method's layout of arrays and state.
    pub format: u32,
    /// Parameters of the fit.
    pub params: Value,
    /// Versions of the programs that made it; `elinvar` is one of them.
    pub versions: BTreeMap<String, String>,
    /// Arrays by name.
    pub arrays: Vec<(String, TensorData)>,
    /// Everything else.
    pub json: Value,
}

/// Key of the metadata that marks the file as ours; its value numbers the list of the other keys.
pub(crate) const MARK: &str = "elinvar";
const LAYOUT: &str = "model-1";
const METHOD: &str = "method";
const FORMAT: &str = "format";
const PARAMS: &str = "params";
const VERSIONS: &str = "versions";
const STATE: &str = "state";

impl ModelFile {
    /// A model of this version of Elinvar.
    pub fn new(slug: impl Into<String>, format: u32, params: Value, state: &State) -> Self {
        Self {
            slug: slug.into(),
            format,
            params,
            versions: BTreeMap::from([(MARK.to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
            arrays: TensorData::from_bundle(&state.arrays),
            json: state.json.clone(),
        }
    }

    /// The arrays and the JSON part, as the method's model is made from.
    pub fn into_state(self) -> State {
        let mut arrays = Bundle::new();
        for (name, tensor) in self.arrays {
            arrays.insert(name, tensor.into_item());
        }
        State { arrays, json: self.json }
    }

    /// Writes the file, complete or not at all.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        atomic_write(path, &self.to_bytes()?)
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let versions: Value = self.versions.iter().map(|(k, v)| (k.clone(), Value::from(v.as_str()))).collect();
        let metadata = [
            (MARK, LAYOUT.to_owned()),
            (METHOD, self.slug.clone()),
            (FORMAT, self.format.to_string()),
            (PARAMS, self.params.to_string()),
            (VERSIONS, versions.to_string()),
            (STATE, self.json.to_string()),
        ];
        to_bytes(&self.arrays, &metadata)
    }

    /// Reads a model of any method.
    ///
    /// # Errors
    /// Of kind `File` when it is absent or damaged, of kind `Model` when it is no model of Elinvar.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Self::from_source(Source::open(path.as_ref())?)
    }

    /// The same from memory; `name` stands in messages.
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self> {
        Self::from_source(Source::from_bytes(name, bytes)?)
    }

    fn from_source(source: Source<'_>) -> Result<Self> {
        let name = source.name.clone();
        if source.format != Format::Safetensors {
            return Err(no_model(&name, &format!("it is {}", source.format.name())));
        }
        let bytes = source.into_bytes()?;
        let container = Container::open(&name, &bytes)?;
        Self::from_container(&name, &container)
    }

    pub(crate) fn from_container(name: &Name, container: &Container<'_>) -> Result<Self> {
        let metadata = container.metadata();
        match metadata.get(MARK).map(String::as_str) {
            Some(LAYOUT) => {}
            Some(other) => {
                let message = format!("{}: the model file has the layout '{other}', this version reads '{LAYOUT}'", name.as_str());
                return Err(Error::model(message).hint("install the newest version of elinvar"));
            }
            None => return Err(no_model(name, "it holds other tensors")),
        }
        let field = |key: &str| {
            let value = metadata.get(key).map(String::as_str);
            value.ok_or_else(|| name.damaged(format!("the model file is damaged: '{key}' is missing")))
        };
        let broken = |key: &str| name.damaged(format!("the model file is damaged: '{key}' cannot be read"));
        let parse = |key: &str| {
            let text = field(key)?;
            if json_too_deep(text.as_bytes()) {
                return Err(name.damaged(format!("the model file is damaged: '{key}' is nested too deep")));
            }
            serde_json::from_str::<Value>(text).map_err(|e| broken(key).caused_by(e))
        };
        let versions = parse(VERSIONS)?;
        let versions = versions.as_object().ok_or_else(|| broken(VERSIONS))?;
        Ok(Self {
            slug: field(METHOD)?.to_owned(),
            format: field(FORMAT)?.parse().map_err(|e| broken(FORMAT).caused_by(e))?,
            params: parse(PARAMS)?,
            versions: versions.iter().map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_owned())).collect(),
            json: parse(STATE)?,
            arrays: plain(container.tensors()?),
        })
    }

    /// Checks that it is a model of this method, in a format that this version reads (`newest` and older).
    ///
    /// # Errors
    /// Of kind `Model`, naming the other method, or the version to install.
    pub fn check(&self, path: impl AsRef<Path>, slug: &str, newest: u32) -> Result<()> {
        let path = path.as_ref().display();
        if self.slug != slug {
            return Err(Error::model(format!("{path}: expected a model of {slug}, got one of {}", self.slug))
                .hint(format!("use it with 'elinvar {}'", self.slug)));
        }
        if self.format > newest {
            let message = format!("{path}: the model has format {} of {slug}, this version reads formats up to {newest}", self.format);
            let hint = match self.versions.get(MARK) {
                Some(version) => format!("install elinvar {version} or newer"),
                None => "install a newer elinvar".to_owned(),
            };
            return Err(Error::model(message).hint(hint));
        }
        Ok(())
    }
}

fn no_model(name: &Name, what: &str) -> Error {
    let hint = "a model is the file that 'fit ... --out' has written";
    Error::model(format!("{}: this is not a model of Elinvar, {what}", name.as_str())).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use elinvar_core::Kind;
    use ndarray::array;
    use serde_json::json;

    fn example() -> ModelFile {
        let arrays =
            Bundle::new().with("weights", array![[1.5, -2.0], [0.1, f64::MAX]]).with("layers", array![3_i64]).with("net", array![0.5_f32]);
        let state = State { arrays, json: json!({"levels": ["a", "b"], "scale": 0.1}) };
        ModelFile::new("distance-covariance", 2, json!({"gamma": 1e-3}), &state)
    }

    #[test]
    fn bytes_are_equal_and_read_back() {
        let model = example();
        let bytes = model.to_bytes().unwrap();
        assert_eq!(bytes, example().to_bytes().unwrap());
        let read = ModelFile::from_bytes("m.safetensors", &bytes).unwrap();
        assert_eq!(read, model);
        assert_eq!(read.to_bytes().unwrap(), bytes);
        assert_eq!(read.into_state().arrays.names(), ["weights", "layers", "net"]);
    }

    #[test]
    fn strangers_are_refused_with_exact_messages() {
        let model = example();
        let other = model.check("m.safetensors", "monge-gap", 2).unwrap_err();
        assert_eq!(
            other.to_string(),
            "m.safetensors: expected a model of monge-gap, got one of distance-covariance; use it with 'elinvar distance-covariance'"
        );
        let newer = ModelFile { versions: BTreeMap::from([("elinvar".into(), "0.4.0".into())]), ..model }.check(
            "m.safetensors",
            "distance-covariance",
            1,
        );
        let newer = newer.unwrap_err();
        assert_eq!(
            newer.to_string(),
            "m.safetensors: the model has format 2 of distance-covariance, this version reads formats up to 1; install elinvar 0.4.0 or newer"
        );
        assert_eq!((other.kind(), newer.kind()), (Kind::Model, Kind::Model));
        example().check("m", "distance-covariance", 2).unwrap();

        let plain = to_bytes(&[("w".to_owned(), array![1.0].into())], &[]).unwrap();
        let plain = ModelFile::from_bytes("m.safetensors", &plain).unwrap_err();
        let hint = "; a model is the file that 'fit ... --out' has written";
        assert_eq!(plain.to_string(), format!("m.safetensors: this is not a model of Elinvar, it holds other tensors{hint}"));
        let csv = ModelFile::from_bytes("m.csv", b"a,b\n").unwrap_err();
        assert_eq!(csv.to_string(), format!("m.csv: this is not a model of Elinvar, it is CSV{hint}"));
        assert_eq!((plain.kind(), csv.kind()), (Kind::Model, Kind::Model));
    }

    #[test]
    fn damaged_metadata_is_a_damaged_file() {
        let with = |key: &str, value: &str| {
            let mut metadata = vec![(MARK, LAYOUT.to_owned()), (METHOD, "m".into()), (FORMAT, "1".into()), (PARAMS, "{}".into())];
            metadata.extend([(VERSIONS, "{}".to_owned()), (STATE, "null".to_owned())]);
            metadata.iter_mut().filter(|(k, _)| *k == key).for_each(|(_, v)| *v = value.to_owned());
            ModelFile::from_bytes("m", &to_bytes(&[], &metadata).unwrap())
        };
        assert!(with("", "").is_ok());
        for (key, value) in [(FORMAT, "one"), (FORMAT, "-1"), (PARAMS, "{"), (VERSIONS, "[]"), (STATE, "")] {
            let error = with(key, value).unwrap_err();
            assert_eq!(error.to_string(), format!("m: the model file is damaged: '{key}' cannot be read"));
            assert_eq!(error.kind(), Kind::File);
        }
        let deep = "[".repeat(100) + &"]".repeat(100);
        assert_eq!(with(STATE, &deep).unwrap_err().to_string(), "m: the model file is damaged: 'state' is nested too deep");
        let layout = with(MARK, "model-2").unwrap_err().to_string();
        assert_eq!(
            layout,
            "m: the model file has the layout 'model-2', this version reads 'model-1'; install the newest version of elinvar"
        );
    }
}
