//! Writes the Python modules of the families from the registry: one class or function for each [`Class`] of a method.
//!
//! The files are committed; with `check` nothing is written and a file that differs from what would be written is an error.

use elinvar_core::params::{Domain, Parameter};
use elinvar_core::{Class, ClassMethod, Error, Field, Kind, Method, Result, Role, Shape, Verb, VerbKind};
use serde_json::Value;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Width of a line of the generated files.
const WIDTH: usize = 110;

/// Parameters of every class and function that say how a call runs, never what it computes.
const LIMITS: [(&str, &str, &str); 4] = [
    ("n_jobs", "int, default=None", "Threads; None and -1 use all cores. Results do not depend on it."),
    ("time_limit", "float, default=None", "Seconds after which the call stops."),
    ("mem_limit", "int, default=None", "Bytes that the call may reserve."),
    ("verbose", "bool or callable, default=False", "Whether to report progress on stderr; a callable gets `(step, of, figures)`."),
];

/// Of classes with networks that other devices than the processor can compute.
const DEVICE: (&str, &str, &str) =
    ("device", "str, default='cpu'", "Where networks are computed: 'cpu', or what `elinvar doctor` lists, such as 'vulkan'.");

const RANDOM_STATE: (&str, &str, &str) =
    ("random_state", "int, RandomState, Generator or None, default=None", "Seed of the random numbers; None draws a new one each time.");

/// Writes the generated files, or checks that they are what would be written.
///
/// # Errors
/// When a file cannot be written or, with `check`, is stale; the message names it and the command that renews it.
pub(crate) fn run(methods: &[Method], root: &Path, check: bool) -> Result<()> {
    let mut stale = Vec::new();
    for (path, text) in modules(methods, &root.join("python/elinvar")) {
        if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        if check {
            stale.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
        } else {
            std::fs::write(&path, text).map_err(|e| Error::file(&path, e))?;
        }
    }
    match stale.as_slice() {
        [] => Ok(()),
        names => Err(Error::new(Kind::File, format!("stale in python/elinvar: {}", names.join(", "))).hint("run `cargo xtask gen`")),
    }
}

/// Path and text of the module of every family.
fn modules(methods: &[Method], folder: &Path) -> Vec<(PathBuf, String)> {
    let mut families: Vec<&str> = Vec::new();
    for method in methods {
        if !families.contains(&method.card.family) {
            families.push(method.card.family);
        }
    }
    let of = |family: &str| methods.iter().filter(|m| m.card.family == family).collect::<Vec<_>>();
    families.into_iter().map(|family| (folder.join(format!("{family}.py")), module(family, &of(family)))).collect()
}

fn module(family: &str, methods: &[&Method]) -> String {
    let classes: Vec<(&Method, &Class)> = methods.iter().flat_map(|m| m.classes.iter().map(move |c| (*m, c))).collect();
    let mut names: Vec<&str> = classes.iter().map(|(_, c)| c.name).collect();
    names.sort_unstable();
    let mut bases: Vec<&str> = classes.iter().map(|(_, c)| base(c.role)).collect();
    bases.extend(classes.iter().flat_map(|(_, c)| c.plots));
    bases.sort_unstable();
    bases.dedup();
    let title = methods.iter().map(|m| m.card.title).collect::<Vec<_>>().join("; ");
    let mut text = String::new();
    let all = names.iter().map(|n| format!("{n:?}")).collect::<Vec<_>>().join(", ");
    text += &fill(
        &format!("\"\"\"Methods of the family {family}: {title}.\n\nWritten by `cargo xtask gen` from the registry: do not edit."),
        0,
    );
    let _ = write!(text, "\n\"\"\"\n\nfrom ._base import {}\n\n__all__ = [{all}]\n", bases.join(", "));
    for (method, class) in classes {
        text.push_str("\n\n");
        text += &match class.role {
            Role::Function => function(method, class),
            _ => class_text(method, class),
        };
    }
    text
}

/// The base class in `elinvar._base`, or the helper of functions.
fn base(role: Role) -> &'static str {
    match role {
        Role::Regressor => "Regressor",
        Role::Classifier => "Classifier",
        Role::MultiClassifier => "MultiClassifier",
        Role::Transformer => "Transformer",
        Role::Selector => "Selector",
        Role::SignalClassifier => "SignalClassifier",
        Role::ImageClassifier => "ImageClassifier",
        Role::SignalTransformer => "SignalTransformer",
        Role::Estimator => "Estimator",
        Role::Measurement => "Measurement",
        Role::Bound => "Bound",
        Role::Function => "call_function",
    }
}

fn class_text(method: &Method, class: &Class) -> String {
    let parameters = constructor(class);
    let fits = !matches!(class.role, Role::Measurement | Role::Bound | Role::SignalTransformer);
    let mut documented: Vec<Entry> = parameters.iter().map(|p| Entry::parameter(p)).collect();
    documented.extend(fits.then(|| Entry::of(RANDOM_STATE)));
    let devices = class.methods.iter().any(|m| method.verb(m.verb).is_ok_and(|v| v.devices));
    documented.extend(LIMITS.map(Entry::of));
    documented.extend(devices.then(|| Entry::of(DEVICE)));
    let bases = class.plots.iter().copied().chain([base(class.role)]).collect::<Vec<_>>().join(", ");
    let mut text = format!("class {}({bases}):\n", class.name);
    let mut sections = vec![("Parameters", documented)];
    if fits || class.role == Role::Bound {
        sections.push(("Attributes", attributes(class)));
    }
    text += &docstring(class.doc, &sections, &tail(method, class), 4);
    let _ = write!(text, "\n    _method = {:?}\n", method.card.slug);
    let fit = class.methods.iter().find(|m| method.verb(m.verb).is_ok_and(|v| v.kind == VerbKind::Fit));
    if let Some(fit) = fit.filter(|fit| fit.name != "fit") {
        let _ = writeln!(text, "    _fit_name = {:?}", fit.name);
    }
    if !class.fixed.is_empty() {
        let fixed = class.fixed.iter().map(|(name, json)| format!("{name:?}: {}", literal(&parse(json))));
        let _ = writeln!(text, "    _fixed = {{{}}}", fixed.collect::<Vec<_>>().join(", "));
    }
    if !class.inputs.is_empty() {
        let renamed = class.inputs.iter().map(|(declared, python)| format!("{python:?}: {declared:?}"));
        let _ = writeln!(text, "    _inputs = {{{}}}", renamed.collect::<Vec<_>>().join(", "));
    }
    let gaps = |entry: &ClassMethod| method.verb(entry.verb).is_ok_and(|v| v.inputs.iter().any(|field| field.name == "X" && field.gaps));
    if class.methods.iter().any(gaps) {
        text.push_str("    _allow_nan = True\n");
    }
    if class.sparse {
        text += "    _sparse = True\n";
    }
    let mut arguments: Vec<String> = parameters.iter().map(|p| format!("{}={}", p.name, default(p))).collect();
    arguments.extend(fits.then(|| "random_state=None".to_owned()));
    arguments.extend(limits());
    arguments.extend(devices.then(|| "device=\"cpu\"".to_owned()));
    text.push('\n');
    text += &signature("__init__", &["self".into()], &arguments, 4);
    for name in arguments.iter().filter_map(|a| a.split('=').next()) {
        let _ = writeln!(text, "        self.{name} = {name}");
    }
    for entry in &class.methods {
        if let Ok(verb) = method.verb(entry.verb) {
            text.push('\n');
            text += &method_text(class, entry, verb);
        }
    }
    text
}

/// Constructor parameters of the class: those of its spec that it does not fix.
fn constructor(class: &Class) -> Vec<&Parameter> {
    class.constructor.parameters.iter().filter(|p| !class.fixed.iter().any(|(name, _)| *name == p.name)).collect()
}

fn limits() -> Vec<String> {
    vec!["n_jobs=None".into(), "time_limit=None".into(), "mem_limit=None".into(), "verbose=False".into()]
}

fn method_text(class: &Class, entry: &ClassMethod, verb: &Verb) -> String {
    let is_label = matches!(class.role, Role::Classifier | Role::MultiClassifier | Role::SignalClassifier | Role::ImageClassifier)
        && verb.kind == VerbKind::Apply
        && entry.name == "predict";
    let has_probabilities = class.methods.iter().any(|m| m.name == "predict_proba");
    match (is_label, has_probabilities) {
        (true, false) => {
            let labels = call(class, entry, verb, "predict", "_labels");
            format!("{labels}\n{}", call(class, entry, verb, "predict_proba", "_probabilities"))
        }
        (true, true) => call(class, entry, verb, "predict", "_labels"),
        _ if class.role == Role::Classifier && entry.name == "predict_proba" => call(class, entry, verb, entry.name, "_probabilities"),
        _ => {
            let binds = class.role == Role::Bound && entry.name == "fit";
            let helper = match verb.kind {
                _ if binds => "_bind",
                VerbKind::Fit => "_fit",
                VerbKind::Apply => "_apply",
                VerbKind::Measure => "_measure",
            };
            call(class, entry, verb, entry.name, helper)
        }
    }
}

/// One method: signature, docstring and the call of a helper of the base class.
fn call(class: &Class, entry: &ClassMethod, verb: &Verb, name: &str, helper: &str) -> String {
    let random = matches!(helper, "_measure" | "_apply") && class.random.contains(&entry.name);
    let keywords: Vec<&Parameter> = verb.params.parameters.iter().filter(|p| class.constructor.get(&p.name).is_none()).collect();
    let (positional, inputs) = inputs(class, entry, verb);
    let mut arguments: Vec<String> = keywords.iter().map(|p| format!("{}={}", p.name, default(p))).collect();
    arguments.extend(random.then(|| "random_state=None".to_owned()));
    let mut positional_arguments = vec!["self".to_owned()];
    positional_arguments.extend(positional);
    let mut documented: Vec<Entry> = ordered(entry, verb).map(|f| Entry::input(class, f)).collect();
    documented.extend(keywords.iter().map(|p| Entry::parameter(p)));
    documented.extend(random.then(|| Entry::of(RANDOM_STATE)));
    let sections = [("Parameters", documented), ("Returns", returned(class, entry, verb, helper))];
    let summary = match helper {
        "_labels" => "The more probable class of each row.",
        "_probabilities" => "The probabilities of both classes.",
        _ if entry.name == "predict_proba" => "The probability of each class.",
        _ if entry.name == "decision_function" => "Scores by which epochs are told apart.",
        _ => verb.summary,
    };
    let mut passed = vec![format!("{:?}", verb.name), inputs];
    if !keywords.is_empty() {
        passed.push(format!("{{{}}}", keywords.iter().map(|p| format!("{0:?}: {0}", p.name)).collect::<Vec<_>>().join(", ")));
    }
    if !matches!(helper, "_fit" | "_bind") && !entry.returns.is_empty() {
        passed.push(format!("returns={}", tuple(entry.returns)));
    }
    if random {
        passed.push("random_state=random_state".into());
    }
    let mut text = signature(name, &positional_arguments, &arguments, 4);
    text += &docstring(summary, &sections, "", 8);
    text += &statement(&format!("return self.{helper}"), &passed, 8);
    text
}

fn function(method: &Method, class: &Class) -> String {
    let Some((entry, verb)) = class.methods.first().and_then(|entry| Some((entry, method.verb(entry.verb).ok()?))) else {
        return String::new();
    };
    let random = class.random.contains(&entry.name);
    let parameters: Vec<&Parameter> = verb.params.parameters.iter().filter(|p| !class.fixed.iter().any(|(n, _)| *n == p.name)).collect();
    let (positional, inputs) = inputs(class, entry, verb);
    let mut arguments: Vec<String> = parameters.iter().map(|p| format!("{}={}", p.name, default(p))).collect();
    arguments.extend(random.then(|| "random_state=None".to_owned()));
    arguments.extend(limits());
    let mut documented: Vec<Entry> = ordered(entry, verb).map(|f| Entry::input(class, f)).collect();
    documented.extend(parameters.iter().map(|p| Entry::parameter(p)));
    documented.extend(random.then(|| Entry::of(RANDOM_STATE)));
    documented.extend(LIMITS.map(Entry::of));
    let sections = [("Parameters", documented), ("Returns", returned(class, entry, verb, "call_function"))];
    let mut given: Vec<String> = parameters.iter().map(|p| format!("{0:?}: {0}", p.name)).collect();
    given.extend(class.fixed.iter().map(|(name, json)| format!("{name:?}: {}", literal(&parse(json)))));
    let mut passed =
        vec![format!("{:?}", method.card.slug), format!("{:?}", verb.name), renamed(class, &inputs), format!("{{{}}}", given.join(", "))];
    if !entry.returns.is_empty() {
        passed.push(format!("returns={}", tuple(entry.returns)));
    }
    passed.extend(random.then(|| "random_state=random_state".to_owned()));
    passed.extend(LIMITS.map(|(name, _, _)| format!("{name}={name}")));
    let mut text = signature(class.name, &positional, &arguments, 0);
    text += &docstring(class.doc, &sections, &tail(method, class), 4);
    text += &statement("return call_function", &passed, 4);
    text
}

/// Functions have no table of renamed inputs, so the names of the core stand in the call.
fn renamed(class: &Class, inputs: &str) -> String {
    class
        .inputs
        .iter()
        .fold(inputs.to_owned(), |text, (declared, python)| text.replace(&format!("{python:?}: "), &format!("{declared:?}: ")))
}

/// Python name of an input.
fn python_name(class: &Class, field: &Field) -> String {
    class.inputs.iter().find(|(declared, _)| *declared == field.name).map_or(field.name, |(_, python)| python).to_owned()
}

/// Inputs that the method takes, required ones first, each kind in the order of the declaration.
fn ordered(entry: &ClassMethod, verb: &Verb) -> impl Iterator<Item = &'static Field> {
    let (takes, fields) = (entry.clone(), verb.inputs);
    // A function in place of a named choice, such as `cost_function`, is given by way of the parameter.
    let by_parameter: Vec<String> = verb.params.parameters.iter().map(|p| format!("{}_function", p.name)).collect();
    let is_shown = move |f: &&Field| takes.takes(f.name) && !by_parameter.iter().any(|name| name == f.name);
    fields.iter().filter(|f| !f.optional).chain(fields.iter().filter(|f| f.optional)).filter(is_shown)
}

/// Positional arguments, and the dict that hands them on.
fn inputs(class: &Class, entry: &ClassMethod, verb: &Verb) -> (Vec<String>, String) {
    let name = |field: &Field| python_name(class, field);
    let arguments = ordered(entry, verb).map(|f| if f.optional { format!("{}=None", name(f)) } else { name(f) }).collect();
    let dict = ordered(entry, verb).map(|f| format!("{0:?}: {0}", name(f))).collect::<Vec<_>>().join(", ");
    (arguments, format!("{{{dict}}}"))
}

/// Name, type and meaning of an argument or a result.
struct Entry {
    name: String,
    kind: String,
    doc: String,
}

impl Entry {
    fn of((name, kind, doc): (&str, &str, &str)) -> Self {
        Self { name: name.into(), kind: kind.into(), doc: doc.into() }
    }

    fn parameter(parameter: &Parameter) -> Self {
        let range = parameter.bounds.describe();
        // Every count is at least zero: that goes without saying.
        let plain = range.is_empty() || (parameter.domain == Domain::Integer && range == ">= 0");
        let doc = if plain { parameter.doc.clone() } else { format!("{} Must be {range}.", parameter.doc) };
        let none = if parameter.nullable && !parameter.default.is_null() { " or None" } else { "" };
        let kind = format!("{}{none}, default={}", kind_of(&parameter.domain), default(parameter));
        Self { name: parameter.name.clone(), kind, doc }
    }

    fn input(class: &Class, field: &Field) -> Self {
        let kind = match field.shape {
            Shape::Scalar => "float",
            Shape::Vector | Shape::Matrix | Shape::Tensor(_) => "array-like",
            Shape::Table => "dict, table or array-like",
            Shape::Document => "path, str or dict",
            Shape::Path => "path",
            Shape::Json => "object",
            Shape::Function => "callable",
        };
        let kind = if field.optional { format!("{kind}, default=None") } else { kind.to_owned() };
        Self { name: python_name(class, field), kind, doc: sentence(field.doc) }
    }

    fn output(field: &Field) -> Self {
        let kind = match field.shape {
            Shape::Scalar => "float",
            Shape::Vector | Shape::Matrix | Shape::Tensor(_) => "ndarray",
            Shape::Table => "Table",
            Shape::Document | Shape::Path => "str",
            Shape::Json | Shape::Function => "object",
        };
        let kind = if field.optional { format!("{kind} or None") } else { kind.to_owned() };
        Self { name: field.name.into(), kind, doc: sentence(field.doc) }
    }
}

fn returned(class: &Class, entry: &ClassMethod, verb: &Verb, helper: &str) -> Vec<Entry> {
    match helper {
        "_fit" | "_bind" => return vec![Entry::of(("self", class.name, "The fitted object."))],
        "_labels" => return vec![Entry::of(("labels", "ndarray of shape (n,)", "Labels out of `classes_`."))],
        "_probabilities" => {
            return vec![Entry::of(("probabilities", "ndarray of shape (n, 2)", "One column a class, in the order of `classes_`."))];
        }
        _ => {}
    }
    let outputs = |name: &&str| verb.outputs.iter().find(|f| f.name == *name).map(Entry::output);
    if !entry.returns.is_empty() {
        return entry.returns.iter().filter_map(outputs).collect();
    }
    let list = verb.outputs.iter().map(|f| format!("\n- `{}`: {}", f.name, sentence(f.doc))).collect::<String>();
    vec![Entry::of(("findings", "Findings", &format!("With the attributes\n{list}")))]
}

fn attributes(class: &Class) -> Vec<Entry> {
    let mut entries: Vec<Entry> = class.attributes.iter().map(|(name, doc)| Entry::of((&format!("{name}_"), "", &sentence(doc)))).collect();
    if matches!(class.role, Role::Regressor | Role::Classifier | Role::MultiClassifier | Role::Transformer | Role::Selector) {
        entries.push(Entry::of(("n_features_in_", "int", "Number of features seen in `fit`.")));
        entries.push(Entry::of(("feature_names_in_", "ndarray of str", "Names of the features, where `fit` saw a table.")));
    }
    if class.role == Role::Classifier {
        entries.push(Entry::of(("classes_", "ndarray of shape (2,)", "The two labels.")));
    }
    if class.role == Role::Bound {
        return entries;
    }
    if class.role == Role::SignalClassifier {
        entries.push(Entry::of(("n_channels_in_", "int", "Number of channels seen in `fit`.")));
    }
    if matches!(class.role, Role::MultiClassifier | Role::SignalClassifier | Role::ImageClassifier) {
        entries.push(Entry::of(("classes_", "ndarray of shape (K,)", "The labels in rising order.")));
    }
    entries.push(Entry::of(("history_", "Table", "Figures of every recorded step.")));
    entries.push(Entry::of(("status_", "{\"converged\", \"iteration_limit\", \"time_limit\"}", "How the fit ended.")));
    entries.push(Entry::of(("seed_", "int", "The seed of the fit, also where `random_state` is None.")));
    entries
}

/// See Also, References and Examples.
fn tail(method: &Method, class: &Class) -> String {
    let mut text = String::new();
    let others: Vec<&Class> = method.classes.iter().filter(|c| c.name != class.name).collect();
    if !others.is_empty() {
        text += "\nSee Also\n--------\n";
        for other in others {
            let _ = writeln!(text, "{} : {}", other.name, other.doc.split("\n\n").next().unwrap_or_default().replace('\n', " "));
        }
    }
    let paper = &method.card.paper;
    let _ = write!(text, "\nReferences\n----------\n.. [1] {}, \"{}\", {}, {}.\n", paper.authors, paper.title, paper.year, paper.reference);
    text + &example(method, class)
}

fn example(method: &Method, class: &Class) -> String {
    let (family, name) = (method.card.family, class.name);
    let head = format!("\nExamples\n--------\n>>> from elinvar.{family} import {name}\n");
    let Some(first) = class.methods.first() else { return String::new() };
    match class.role {
        Role::Function => String::new(),
        Role::Measurement | Role::SignalTransformer => {
            format!("{head}>>> found = {name}().{}(**{name}.example({:?}))\n", first.name, first.name)
        }
        _ => {
            let mut text = format!("{head}>>> fitted = {name}().{}(**{name}.example({:?}))\n", first.name, first.name);
            if let Some(next) = class.methods.get(1) {
                let _ = writeln!(text, ">>> found = fitted.{}(**{name}.example({:?}))", next.name, next.name);
            }
            text
        }
    }
}

pub(crate) fn kind_of(domain: &Domain) -> String {
    match domain {
        Domain::Bool => "bool".into(),
        Domain::Integer => "int".into(),
        Domain::Number => "float".into(),
        Domain::Text => "str".into(),
        Domain::Choice { choices } => format!("{{{}}}", choices.iter().map(|c| format!("{c:?}")).collect::<Vec<_>>().join(", ")),
        Domain::List { of } => format!("sequence of {}", kind_of(of)),
        Domain::Map { of } => format!("dict of {}", kind_of(of)),
        Domain::Either { of } => of.iter().map(kind_of).collect::<Vec<_>>().join(" or "),
        Domain::Any => "object".into(),
    }
}

/// The default in a signature. Python's must be immutable: lists are tuples, and an empty dict is None.
fn default(parameter: &Parameter) -> String {
    match &parameter.default {
        Value::Object(_) => "None".into(),
        other => literal(other),
    }
}

fn parse(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Array(items) => match items.as_slice() {
            [one] => format!("({},)", literal(one)),
            many => format!("({})", many.iter().map(literal).collect::<Vec<_>>().join(", ")),
        },
        Value::Object(items) => {
            format!("{{{}}}", items.iter().map(|(k, v)| format!("{k:?}: {}", literal(v))).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn tuple(names: &[&str]) -> String {
    match names {
        [one] => format!("({one:?},)"),
        many => format!("({})", many.iter().map(|n| format!("{n:?}")).collect::<Vec<_>>().join(", ")),
    }
}

fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut letters = text.chars();
    // A word in one case, such as `X`, `yhat` or `h(x)`, stays as it is when it is not an ordinary word.
    let capital = match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if first.is_lowercase() && (second.is_lowercase() || text.starts_with("a ")) => {
            first.to_uppercase().collect::<String>() + &text[first.len_utf8()..]
        }
        _ => text.to_owned(),
    };
    if capital.ends_with('.') { capital } else { capital + "." }
}

/// `def name(positional, *, keywords):`, broken into one argument a line where it is too long.
fn signature(name: &str, positional: &[String], keywords: &[String], indent: usize) -> String {
    let mut arguments = positional.to_vec();
    if !keywords.is_empty() {
        arguments.push("*".into());
        arguments.extend_from_slice(keywords);
    }
    let pad = " ".repeat(indent);
    let line = format!("{pad}def {name}({}):\n", arguments.join(", "));
    if line.len() <= WIDTH + 1 {
        return line;
    }
    let broken = arguments.iter().map(|a| format!("{pad}    {a},\n")).collect::<String>();
    format!("{pad}def {name}(\n{broken}{pad}):\n")
}

/// A call, broken into one argument a line where it is too long.
fn statement(head: &str, arguments: &[String], indent: usize) -> String {
    let pad = " ".repeat(indent);
    let line = format!("{pad}{head}({})\n", arguments.join(", "));
    if line.len() <= WIDTH + 1 {
        return line;
    }
    let broken = arguments.iter().map(|a| argument(a, indent + 4)).collect::<String>();
    format!("{pad}{head}(\n{broken}{pad})\n")
}

/// One argument on its line; a long dict has one entry a line.
fn argument(text: &str, indent: usize) -> String {
    let pad = " ".repeat(indent);
    let line = format!("{pad}{text},\n");
    let inner = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
    match inner {
        Some(inner) if line.len() > WIDTH + 1 => {
            let entries = inner.split(", \"").enumerate().map(|(i, e)| if i == 0 { e.to_owned() } else { format!("\"{e}") });
            format!("{pad}{{\n{}{pad}}},\n", entries.map(|e| format!("{pad}    {e},\n")).collect::<String>())
        }
        _ => line,
    }
}

fn docstring(summary: &str, sections: &[(&str, Vec<Entry>)], tail: &str, indent: usize) -> String {
    let pad = " ".repeat(indent);
    let mut text = fill(&format!("\"\"\"{}", sentence(summary)), indent);
    for (title, entries) in sections.iter().filter(|(_, entries)| !entries.is_empty()) {
        let _ = write!(text, "\n\n{pad}{title}\n{pad}{}", "-".repeat(title.len()));
        for entry in entries {
            let head = if entry.kind.is_empty() { entry.name.clone() } else { format!("{} : {}", entry.name, entry.kind) };
            let _ = write!(text, "\n{pad}{head}\n{}", fill(&entry.doc, indent + 4));
        }
    }
    for line in tail.lines() {
        text.push('\n');
        if !line.is_empty() {
            let hanging = if line.starts_with(".. [") { "   " } else { "    " };
            text += &fill_hanging(line, indent, hanging);
        }
    }
    let _ = write!(text, "\n{pad}\"\"\"\n");
    text
}

/// Paragraphs broken at the width of the page and indented; a list item stays a paragraph of its own.
fn fill(text: &str, indent: usize) -> String {
    let items = |paragraph: &str| {
        paragraph.split("\n- ").enumerate().map(|(i, p)| if i == 0 { p.to_owned() } else { format!("- {p}") }).collect::<Vec<_>>()
    };
    let paragraph = |p: &str| {
        items(p)
            .iter()
            .filter(|p| !p.trim().is_empty())
            .map(|p| fill_hanging(p, indent, if p.starts_with("- ") { "  " } else { "" }))
            .collect::<Vec<_>>()
            .join("\n")
    };
    text.split("\n\n").map(paragraph).collect::<Vec<_>>().join("\n\n")
}

fn fill_hanging(text: &str, indent: usize, hanging: &str) -> String {
    let pad = " ".repeat(indent);
    let mut lines = vec![pad.clone()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { continue };
        let empty = line.trim().is_empty();
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(format!("{pad}{hanging}{word}"));
        } else {
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}
