//! Every path of the command on a made-up registry and real files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

mod common;

use common::{call, call_with};
use elinvar_core::reproduction::Store;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const DATA: &str = "x,y,place\n1,2,north\n2,4,south\n3,6,north\n";

/// A folder with a data table.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("data.csv", DATA.as_bytes());
        folder
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.0.path().join(name), bytes).unwrap();
        self.path(name)
    }

    /// Names of all files, for "nothing is half written".
    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(self.0.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn fit(&self, more: &[&str]) -> common::Ended {
        let (data, out) = (self.path("data.csv"), self.path("model.safetensors"));
        call(&[&["line", "fit", &data, "--target", "y", "--groups", "place", "--out", &out], more].concat())
    }
}

#[test]
fn list_and_info_speak_of_every_method() {
    let text = call(&["list"]).ok().to_owned();
    assert_eq!(text.lines().count(), 2);
    assert!(text.starts_with("line        toys  Lines through the origin\n"), "{text}");
    assert_eq!(call(&["list", "regression", "line"]).ok(), text, "words search the card");
    assert_eq!(call(&["list", "transport"]).ok(), "");
    let cards = call(&["list", "--json"]).json();
    assert_eq!(cards[0]["slug"], "line");
    assert_eq!(cards[0]["tasks"], json!(["fit", "predict", "distance"]));
    let page = call(&["info", "line"]).ok().to_owned();
    assert!(page.starts_with("# A line\n\nThe page.") && page.contains("--penalty [0.0]: Strength of the penalty"), "{page}");
    assert_eq!(call(&["info", "line", "--json"]).json()["tasks"][0]["parameters"][0]["name"], "penalty");
    assert_eq!(call(&["info", "lin"]).failed(2), "there is no method 'lin'; did you mean 'line'?");
}

#[test]
fn help_is_derived_from_the_declarations() {
    let help = call(&["line", "fit", "--help"]).ok().to_owned();
    for part in [
        "--penalty <NUMBER>",
        "Strength of the penalty (λ) [default: 0.0] [>= 0]",
        "--layers <LIST>",
        "[default: 8,8]",
        "[one of 'squared', 'absolute']",
        "[default: none] [> 0 or none]",
        "--centered[=<true|false>]",
        "--target <COLUMN>",
        "--seed",
    ] {
        assert!(help.contains(part), "no {part} in\n{help}");
    }
    assert!(!help.contains("callback"), "functions are not offered");
    let top = call(&["--help"]).ok().to_owned();
    assert!(top.contains("Exit codes:") && top.contains("130  interrupted by Ctrl-C") && top.contains("other-line"), "{top}");
    assert!(call(&["help", "line", "fit"]).ok().contains("--penalty"));
    assert!(call(&["--version"]).ok().starts_with("elinvar 0."));
    assert!(call::<&str>(&[]).failed(2).contains("there is no command; see `elinvar --help`"));
}

#[test]
fn a_model_is_fitted_saved_and_applied() {
    let folder = Folder::new();
    let fitted = folder.fit(&["--json"]);
    let report = fitted.json();
    assert_eq!((&report["status"], &report["results"]["slope"]), (&json!("converged"), &json!(2.0)));
    assert_eq!(report["parameters"]["layers"], json!([8, 8]));
    assert_eq!(report["warnings"], json!([]));
    let (data, model) = (folder.path("data.csv"), folder.path("model.safetensors"));
    let apply = |more: &[&str]| call(&[&["line", "predict", &data, "--model", &model, "--features", "x", "--quiet"], more].concat());
    let predicted = apply(&[]);
    assert_eq!(predicted.ok().replace("\r\n", "\n").replace(".0\n", "\n"), "prediction\n2\n4\n6\n");
    assert_eq!(apply(&["--json"]).json()["results"]["prediction"], json!([2.0, 4.0, 6.0]));
    for name in ["p.csv", "p.parquet", "p.npy", "p.npz", "p.json"] {
        let out = folder.path(name);
        assert!(apply(&["--out", &out]).ok().contains("results written to"), "{name}");
        assert!(Path::new(&out).metadata().unwrap().len() > 10, "{name}");
    }
    // What was written can be read as input again.
    let (a, b) = (folder.path("p.npy"), folder.path("p.parquet"));
    assert_eq!(call(&["line", "distance", "--source", &a, "--target", &b, "--json"]).json()["results"]["distance"], json!(0.0));
    assert!(call(&["data", "show", &model]).ok().contains("line"));
    assert!(call(&["data", "show", &data]).ok().contains("place"));
    assert!(call(&["data", "show", &data, "--json"]).json().is_object());
}

#[test]
fn fit_prints_what_was_learned() {
    let folder = Folder::new();
    let text = folder.fit(&["--quiet"]).ok().to_owned();
    assert!(text.contains("model.safetensors (converged)\n\nslope  2"), "{text}");
    let warned = folder.fit(&["--penalty", "7"]);
    assert!(warned.errors.contains("warning: the fit reached its iteration limit before it converged"), "{}", warned.errors);
    assert!(folder.fit(&["--penalty", "7", "--quiet"]).errors.is_empty());
}

#[test]
fn parameters_come_from_a_file_and_flags_override_them() {
    let folder = Folder::new();
    let toml = folder.write("p.toml", b"penalty = 1\nlayers = [4]\nloss = \"absolute\"\n");
    let used =
        folder.fit(&["--params", &toml, "--penalty", "2", "--limit", "none", "--centered=false", "--json"]).json()["parameters"].clone();
    assert_eq!(used, json!({"penalty": 2.0, "loss": "absolute", "layers": [4], "limit": null, "centered": false, "steps": 1}));
    let json = folder.write("p.json", br#"{"penalty": 3}"#);
    assert_eq!(folder.fit(&["--params", &json, "--json"]).json()["parameters"]["penalty"], json!(3.0));
    let unknown = folder.write("u.toml", b"penalti = 1\n");
    assert_eq!(folder.fit(&["--params", &unknown]).failed(2), "line: there is no parameter 'penalti'; did you mean 'penalty'?");
    let damaged = folder.write("d.toml", b"penalty = 1\nlayers = [\n");
    let message = folder.fit(&["--params", &damaged]);
    assert!(message.failed(4).starts_with(&format!("line: {damaged}: line ")), "{}", message.errors);
    assert!(folder.fit(&["--params", &folder.path("none.toml")]).failed(4).contains("none.toml: no such file or directory"));
}

#[test]
fn a_bad_parameter_gives_the_same_line_from_flag_and_file() {
    let folder = Folder::new();
    let toml = folder.write("p.toml", b"penalty = -1.0\n");
    let expected = "line: parameter 'penalty' must be >= 0, got -1.0";
    assert_eq!(folder.fit(&["--penalty", "-1.0"]).failed(2), expected);
    assert_eq!(folder.fit(&["--params", &toml]).failed(2), expected);
    for (flag, value, part) in [
        ("--loss", "cubic", "parameter 'loss' must be one of 'squared', 'absolute', got 'cubic'"),
        ("--layers", "8,0", "parameter 'layers' must be a list, each element a whole number >= 1"),
        ("--penalty", "much", "parameter 'penalty' must be >= 0, got 'much'"),
        ("--penalty", "nan", "parameter 'penalty' must be >= 0, got 'nan'"),
        ("--limit", "0", "parameter 'limit' must be > 0 or none, got 0"),
        ("--seed", "-1", "parameter 'seed' must be a whole number >= 0, got '-1'"),
        ("--threads", "0", "parameter 'threads' must be a whole number >= 1, got 0"),
        ("--time-limit", "soon", "parameter 'time-limit' must be a time such as 90, 30s, 10m or 2h, got 'soon'"),
        ("--mem-limit", "big", "parameter 'mem-limit' must be a size such as 500MB or 2GiB, got 'big'"),
        ("--device", "gpu", "parameter 'device' must be one of 'cpu', 'flex', 'vulkan', 'vulkan:1', 'cuda', 'cuda:1', got 'gpu'"),
        ("--device", "cuda:99", "parameter 'device' must be one that is here: 'cpu'"),
        ("--progress", "loud", "parameter 'progress' must be one of 'auto', 'bar', 'json', 'none', got 'loud'"),
    ] {
        let ended = folder.fit(&[flag, value]);
        assert!(ended.failed(2).starts_with(&format!("line: {part}")), "{}", ended.errors);
    }
    assert_eq!(folder.files(), ["data.csv", "p.toml"], "nothing is written");
}

#[test]
fn slips_of_the_pen_name_the_nearest() {
    let folder = Folder::new();
    let data = folder.path("data.csv");
    assert_eq!(folder.fit(&["--penalti", "1"]).failed(2), "line: there is no parameter 'penalti'; did you mean 'penalty'?");
    assert_eq!(folder.fit(&["--sede", "1"]).failed(2), "line: there is no flag '--sede'; did you mean '--seed'?");
    assert_eq!(call(&["line", "fit", &data, "--taget", "y"]).failed(2), "line: there is no flag '--taget'; did you mean '--target'?");
    let strange = folder.fit(&["--xyzzy", "1"]);
    assert!(strange.failed(2).starts_with("line: there is no parameter 'xyzzy'; the parameters are: penalty, loss,"), "{}", strange.errors);
    let no_parameters = call(&["line", "predict", &data, "--qqqqqq", "1"]);
    assert_eq!(no_parameters.failed(2), "line: there is no flag '--qqqqqq'; the inputs are: --features");
    assert_eq!(call(&["lime", "fit"]).failed(2), "there is no command or method 'lime'; did you mean 'line'?");
    assert_eq!(call(&["lst"]).failed(2), "there is no command or method 'lst'; did you mean 'list'?");
    assert_eq!(call(&["line", "fitt"]).failed(2), "line: there is no task 'fitt'; did you mean 'fit'?");
    assert_eq!(call(&["line"]).failed(2), "line: there is no task; the tasks are: fit, predict, distance");
    assert_eq!(call(&["reproduce"]).failed(2), "<METHOD> must be given; see --help");
    assert_eq!(call(&["reproduce", "line", "--scal", "tiny"]).failed(2), "there is no flag '--scal'; did you mean '--scale'?");
    assert_eq!(call(&["line", "fit", &data, "--target", "y"]).failed(2), "line: --out must be given; see --help");
    assert_eq!(folder.fit(&["--seed", "1", "--seed", "2"]).failed(2), "line: the flag '--seed' can be given once only");
    assert_eq!(folder.fit(&["--penalty"]).failed(2), "line: the flag '--penalty' needs a value");
    let place = call(&["line", "fit", &data, "more.csv", "--target", "y", "--out", "m.safetensors"]);
    assert_eq!(place.failed(2), "line: there is no place for 'more.csv'; see --help");
}

#[test]
fn missing_inputs_and_columns_are_named() {
    let folder = Folder::new();
    let (data, out) = (folder.path("data.csv"), folder.path("m.safetensors"));
    let fit = |arguments: &[&str]| call(&[&["line", "fit", "--out", &out], arguments].concat());
    assert_eq!(fit(&[]).failed(2), "line: the data table is missing; give its file as DATA, or - for standard input");
    let no_table = fit(&["--target", "y"]);
    assert_eq!(no_table.failed(2), "line: --target names columns, and there is no data table; give its file as DATA");
    assert_eq!(fit(&[&data]).failed(3), "line: the input 'target' is missing; it is: target (n)");
    let nearest = fit(&[&data, "--target", "yy"]);
    assert!(nearest.failed(3).contains("there is no column 'yy'; did you mean 'y'?"), "{}", nearest.errors);
    let groups = fit(&[&data, "--target", "y", "--groups", "plcae"]);
    assert_eq!(groups.failed(3), format!("line: {data}: there is no column 'plcae'; did you mean 'place'?"));
    assert!(fit(&[&data, "--target", "place"]).failed(3).contains("column 'place' must hold numbers, got text"));
    let text = fit(&[&data, "--target", "y"]);
    assert!(text.failed(3).contains("column 'place' must hold numbers, got text; encode it, or leave it out"), "{}", text.errors);
    assert!(fit(&[&data, "--target", "x,y"]).failed(2).contains("--target must be one column, got 2: x,y"));
    let twice = fit(&[&data, "--data", &data, "--target", "y"]);
    assert!(twice.failed(2).contains("cannot both be given"), "{}", twice.errors);
    let gap = folder.write("gap.csv", b"x,y\n1,2\n2,\n");
    assert!(fit(&[&gap, "--target", "y"]).failed(3).contains("column 'y' must be finite, got a missing value in row 1"));
    assert_eq!(folder.files(), ["data.csv", "gap.csv"], "nothing is written");
}

/// An NPZ file cut off in the middle.
fn truncated_npz(folder: &Folder) -> String {
    let (data, model, out) = (folder.path("data.csv"), folder.path("model.safetensors"), folder.path("whole.npz"));
    folder.fit(&["--quiet"]).ok();
    call(&["line", "predict", &data, "--model", &model, "--features", "x", "--out", &out]).ok();
    let bytes = std::fs::read(&out).unwrap();
    folder.write("cut.npz", &bytes[..bytes.len() / 2])
}

#[test]
fn damaged_files_give_one_line_and_code_4() {
    let folder = Folder::new();
    let good = folder.path("data.csv");
    let mut header = (32_u64 << 30).to_le_bytes().to_vec();
    header.extend_from_slice(b"{\"a\":{}}");
    let cases = [
        folder.path("absent.csv"),
        folder.write("binary.csv", &[0, 159, 146, 150, 255, 0, 1]),
        folder.write("picture.csv", b"\x89PNG\r\n\x1a\n"),
        folder.write("empty.npy", b""),
        truncated_npz(&folder),
        folder.write("huge.safetensors", &header),
    ];
    for file in cases {
        let ended = call(&["line", "distance", "--source", &file, "--target", &good]);
        let line = ended.failed(4);
        assert!(line.starts_with(&format!("line: {file}: ")) && line.len() > file.len() + 20, "{line}");
    }
    let directory = folder.0.path().display().to_string();
    call(&["line", "distance", "--source", &directory, "--target", &good]).failed(4);
    assert!(call(&["data", "show", &folder.path("huge.safetensors")]).failed(4).contains("huge.safetensors"));
}

#[test]
fn models_of_other_methods_and_versions_are_refused() {
    let folder = Folder::new();
    let (data, model) = (folder.path("data.csv"), folder.path("model.safetensors"));
    folder.fit(&["--quiet"]).ok();
    let predict = |file: &str| call(&["line", "predict", &data, "--model", file, "--features", "x"]);
    let other = call(&["other-line", "predict", &data, "--policy", &model, "--features", "x"]);
    let line = other.failed(5);
    assert!(line.starts_with("other-line: ") && line.contains("expected a model of other-line, got one of line"), "{line}");
    assert!(predict(&data).failed(5).contains("this is not a model of Elinvar, it is CSV"));
    assert!(call(&["line", "predict", &data]).failed(2).contains("--model must be given"));
    // The same file with a newer format number in its header, which is plain text.
    let text = std::fs::read(&model).unwrap();
    let newer = replace(&text, b"\"format\":\"1\"", b"\"format\":\"9\"");
    assert_ne!(newer, text, "the header names the format");
    let newer = folder.write("newer.safetensors", &newer);
    let ended = predict(&newer);
    assert!(
        ended.failed(5).contains("the model has format 9 of line, this version reads formats up to 1; install elinvar"),
        "{}",
        ended.errors
    );
}

fn replace(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let mut bytes = bytes.to_vec();
    if let Some(at) = bytes.windows(old.len()).position(|w| w == old) {
        bytes[at..at + old.len()].copy_from_slice(new);
    }
    bytes
}

#[test]
fn a_failed_fit_leaves_the_old_model_alone() {
    let folder = Folder::new();
    folder.fit(&["--quiet"]).ok();
    let before = std::fs::read(folder.path("model.safetensors")).unwrap();
    assert_eq!(folder.fit(&["--penalty", "13"]).failed(6), "line: loss became NaN at step 13");
    let defect = folder.fit(&["--penalty", "666"]);
    assert!(defect.failed(70).starts_with("line: a defect of this library: a defect of two lines; please report it"), "{}", defect.errors);
    assert!(folder.fit(&["--steps", "3", "--time-limit", "0"]).failed(7).contains("the time limit passed"));
    let strict = folder.fit(&["--penalty", "7", "--strict"]);
    assert!(strict.failed(6).contains("the fit reached its iteration limit before it converged"), "{}", strict.errors);
    assert!(folder.fit(&["--penalty", "200", "--strict"]).failed(6).contains("the penalty is large"));
    assert_eq!(std::fs::read(folder.path("model.safetensors")).unwrap(), before);
    assert_eq!(folder.files(), ["data.csv", "model.safetensors"]);
}

#[test]
fn targets_that_cannot_be_written_are_known_before_the_work() {
    let folder = Folder::new();
    let data = folder.path("data.csv");
    let fit = |out: &str| call(&["line", "fit", &data, "--target", "y", "--steps", "1000000000", "--out", out]);
    assert!(fit(&folder.path("no/model.safetensors")).failed(4).contains("does not exist; make it first"));
    assert!(fit(&format!("{data}/model.safetensors")).failed(4).contains("does not exist"));
    assert!(fit(&folder.0.path().display().to_string()).failed(4).contains("is a folder"));
    assert!(fit(&folder.path("model.pkl")).failed(2).contains("a model is written as .safetensors"));
    let distance = |out: &str| call(&["line", "distance", "--source", &data, "--target", &data, "--out", out]);
    assert!(distance(&folder.path("d.csv")).failed(2).contains("one file of this kind holds one table, the results are each, gaps"));
    assert!(distance(&folder.path("d.xlsx")).failed(2).contains("results are written as .csv, .parquet, .npy, .npz or .json"));
}

#[test]
fn findings_are_readable_and_complete_as_json() {
    let folder = Folder::new();
    let a = folder.write("a.csv", b"u,v\n0,0\n0,0.1\n");
    let b = folder.write("b.csv", b"u,v\n3,4\n0,0\n");
    let note = folder.write("note.txt", b"hello");
    let measure = |more: &[&str]| call(&[&["line", "distance", "--source", &a, "--target", &b, "--note", &note], more].concat());
    let text = measure(&[]).ok().to_owned();
    assert!(text.starts_with(&format!("distance  2.55\nnote      {note}: hello\n\neach\n")), "{text}");
    let results = measure(&["--json"]).json()["results"].clone();
    assert_eq!(results["each"], json!([{"distance": 5.0}, {"distance": 0.1}]));
    assert_eq!(results["gaps"], json!([5.0, 0.1]), "single precision keeps its short form");
    let out = folder.path("all.json");
    let report = measure(&["--json", "--out", &out]).json();
    assert_eq!(report["results"], json!({"distance": 2.55, "note": format!("{note}: hello")}), "rows are in the file only");
    let saved: Value = serde_json::from_str(&std::fs::read_to_string(&out).unwrap()).unwrap();
    assert_eq!(saved["gaps"], json!([5.0, 0.1]));
}

#[test]
fn standard_input_is_a_table() {
    let folder = Folder::new();
    let b = folder.write("b.csv", b"u,v\n3,4\n");
    let from = |arguments: &[&str]| call_with(arguments, "u,v\n0,0\n", None);
    assert_eq!(from(&["line", "distance", "--source", "-", "--target", &b, "--json"]).json()["results"]["distance"], json!(5.0));
    let twice = from(&["line", "distance", "--source", "-", "--target", "-"]);
    assert_eq!(twice.failed(2), "line: '-' (standard input) can be given once only; give the other inputs as files");
    let out = folder.path("m.safetensors");
    assert_eq!(
        call_with(&["line", "fit", "-", "--target", "y", "--out", &out, "--json"], "x,y\n1,3\n", None).json()["results"]["slope"],
        json!(3.0)
    );
    let damaged = call_with(&["line", "distance", "--source", "-", "--target", &b], "", None);
    assert!(damaged.failed(4).contains("standard input: the file is empty"), "{}", damaged.errors);
}

#[test]
fn errors_are_json_where_results_are() {
    let folder = Folder::new();
    let ended = folder.fit(&["--penalty", "-1", "--json"]);
    assert_eq!((ended.code, ended.output.as_str(), ended.errors.lines().count()), (2, "", 1));
    let error: Value = serde_json::from_str(&ended.errors).unwrap();
    assert_eq!(error["error"]["kind"], "parameter");
    assert_eq!(error["error"]["method"], "line");
    assert_eq!(error["error"]["exit_code"], 2);
    assert_eq!(error["error"]["message"], "line: parameter 'penalty' must be >= 0, got -1");
    let usage: Value = serde_json::from_str(&call(&["--json", "lime"]).errors).unwrap();
    assert_eq!(usage["error"]["hint"], "did you mean 'line'?");
}

#[test]
fn progress_is_silent_unless_asked_for() {
    let folder = Folder::new();
    assert_eq!(folder.fit(&["--steps", "5"]).errors, "");
    let ended = folder.fit(&["--steps", "5", "--progress", "json"]);
    let last: Value = serde_json::from_str(ended.errors.lines().last().unwrap()).unwrap();
    assert_eq!(last, json!({"step": 5, "of": 5, "figures": {"loss": 0.2}}));
    assert_eq!(folder.fit(&["--steps", "5", "--progress", "json", "--quiet"]).errors, "");
}

fn reproduce(out: &str, more: &[&str]) -> common::Ended {
    call(&[&["reproduce", "line", "--out", out, "--threads", "1"], more].concat())
}

#[test]
fn reproduce_judges_writes_the_page_and_goes_on() {
    let folder = Folder::new();
    let out = folder.path("evidence");
    let first = reproduce(&out, &["--scale", "tiny"]);
    let table = first.ok();
    assert!(table.contains("T1") && table.contains("reproduced") && table.contains("index.html"), "{table}");
    let page = std::fs::read_to_string(format!("{out}/line/index.html")).unwrap();
    assert!(page.contains("A paper") && page.contains("T1"));
    let json = reproduce(&out, &["--scale", "tiny", "--json"]).json();
    assert_eq!(json["claims"][0]["verdict"], "reproduced");
    assert_eq!(json["page"], format!("{out}/line/index.html"));
    let failed = reproduce(&out, &["--scale", "quick", "--record", &folder.path("reports")]);
    assert_eq!((failed.code, failed.errors.as_str()), (1, ""), "a claim that does not hold is exit code 1, no error");
    assert!(failed.output.contains("not reproduced"), "{}", failed.output);
    assert!(Path::new(&folder.path("reports/line.quick.json")).exists());
}

#[test]
fn an_interrupted_reproduction_keeps_what_it_has_and_goes_on() {
    let folder = Folder::new();
    let out = folder.path("evidence");
    let whole = folder.path("whole");
    let arguments = ["reproduce", "line", "--scale", "tiny", "--out", &out, "--threads", "1"];
    let ended = call_with(&arguments, "", Some(2));
    let expected = format!("line: interrupted; 4 finished trials are kept in '{out}', the same command goes on from there");
    assert_eq!(ended.failed(130), expected);
    assert!(!Path::new(&format!("{out}/line/index.html")).exists(), "no page of half a run");
    call(&arguments).ok();
    reproduce(&whole, &["--scale", "tiny"]).ok();
    let claims = |folder: &str| {
        let report: Value = serde_json::from_str(&std::fs::read_to_string(format!("{folder}/line/report.json")).unwrap()).unwrap();
        report["claims"].clone()
    };
    assert_eq!(claims(&out), claims(&whole), "the same as without the interruption");
}

#[test]
fn shards_are_merged_by_report() {
    let folder = Folder::new();
    let (a, b, all) = (folder.path("a"), folder.path("b"), folder.path("all"));
    reproduce(&a, &["--scale", "tiny", "--shard", "1/2"]).ok();
    reproduce(&b, &["--scale", "tiny", "--shard", "2/2"]).ok();
    let half = call(&["report", "--evidence", &a]);
    assert_eq!(half.code, 1, "{}", half.output);
    let merged = call(&["report", "--evidence", &a, &b, "--out", &all, "--scale", "tiny"]);
    assert!(merged.ok().contains("reproduced"), "{}", merged.output);
    assert!(Path::new(&format!("{all}/line/index.html")).exists());
    assert!(call(&["report", "--evidence", &a, &b]).failed(2).contains("--out must be given to merge several folders"));
    assert!(call(&["report", "--evidence", &folder.path("none")]).failed(4).contains("is no folder"));
    assert!(reproduce(&a, &["--shard", "3/2"]).failed(2).contains("parameter 'shard' must be i/n with 1 <= i <= n, got '3/2'"));
    let scale = reproduce(&a, &["--scale", "large"]);
    assert!(scale.failed(2).contains("parameter 'scale' must be one of 'tiny', 'quick', 'hour', 'paper', got 'large'"));
}

#[test]
fn records_of_another_version_are_left_alone_and_that_is_said() {
    let folder = Folder::new();
    let out = folder.path("evidence");
    reproduce(&out, &["--scale", "tiny"]).ok();
    let store = elinvar_report::EvidenceStore::open(&out).unwrap();
    let mut record = store.evidence("line").unwrap().record(0);
    record.code = 99;
    store.save(&record).unwrap();
    let ended = reproduce(&out, &["--scale", "tiny"]);
    assert_eq!(ended.code, 0);
    assert!(
        ended.errors.contains("note: not mixed in: 1 trial of other versions of this reproduction (this is version 1)"),
        "{}",
        ended.errors
    );
}

#[test]
fn a_live_report_ends_when_all_trials_are_there() {
    let folder = Folder::new();
    let out = folder.path("evidence");
    reproduce(&out, &["--scale", "tiny", "--shard", "1/2"]);
    let page = || std::fs::read_to_string(format!("{out}/line/index.html")).unwrap_or_default();
    std::thread::scope(|scope| {
        let live = scope.spawn(|| call(&["report", "line", "--scale", "tiny", "--evidence", &out, "--live"]));
        while !page().contains("http-equiv=\"refresh\"") {
            assert!(!live.is_finished(), "it ended before the trials were there");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        reproduce(&out, &["--scale", "tiny", "--shard", "2/2"]).ok();
        live.join().unwrap().ok();
    });
    assert!(!page().contains("http-equiv=\"refresh\"") && page().contains("reproduced"));
    assert!(call(&["report", "line", "--evidence", &out, "--live"]).failed(2).contains("'scale' must be the scale that is being run"));
}

#[test]
fn a_report_folder_that_cannot_be_written_is_known_before_any_trial() {
    let folder = Folder::new();
    let under_a_file = format!("{}/evidence", folder.path("data.csv"));
    let ended = reproduce(&under_a_file, &["--scale", "tiny"]);
    let line = ended.failed(4);
    assert!(line.contains("cannot be written"), "{line}");
    assert_eq!(folder.files(), ["data.csv"]);
}

#[test]
fn sweep_keeps_every_trial_and_shows_the_best() {
    let folder = Folder::new();
    let (data, out) = (folder.path("data.csv"), folder.path("sweep"));
    let sweep = |more: &[&str]| call(&[&["sweep", "line", "fit", &data, "--target", "y", "--features", "x", "--out", &out], more].concat());
    let grid = sweep(&["--param", "penalty=0,14,13", "--param", "centered=true,false", "--maximize", "slope", "--json"]).json();
    let points = grid["points"].as_array().unwrap();
    assert_eq!(points.len(), 6);
    assert_eq!((&points[0]["slope"], &points[2]["slope"]), (&json!(2.0), &json!(1.0)));
    assert_eq!(points[4]["error"], "line: loss became NaN at step 13");
    assert_eq!((&grid["best"]["point"]["penalty"], &grid["best"]["means"]["slope"]), (&json!(0.0), &json!(2.0)));
    let page = std::fs::read_to_string(grid["page"].as_str().unwrap()).unwrap();
    assert!(page.contains("Best: slope 2 at penalty=0") && page.contains("The best settings"), "{}", &page[page.len() - 2000..]);

    let random = sweep(&["--param", "penalty=1e-3..1", "--trials", "20", "--seed", "4", "--quiet"]).ok().to_owned();
    assert_eq!(random.lines().count(), 21);
    assert_eq!(sweep(&["--param", "penalty=1e-3..1", "--trials", "20", "--seed", "4"]).ok(), random, "the seed decides");
    let values: Vec<f64> = random.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
    assert!(values.iter().all(|x| (1e-3..=1.0).contains(x)));
    let decade = values.iter().filter(|&&x| x < 0.1).count();
    assert!((7..19).contains(&decade), "the scale of the schema is logarithmic: {values:?}");

    let table = folder.path("s.parquet");
    assert!(sweep(&["--param", "penalty=1,2", "--table", &table]).ok().contains("2 rows written"));
    let all = folder.path("all.csv");
    assert!(call(&["report", "--evidence", &out, "--export", &all]).ok().contains("28 trials written"));
    let text = std::fs::read_to_string(&all).unwrap();
    let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    assert_eq!(
        (&header[..3], &header[header.len() - 7..]),
        (&["method", "key", "penalty"][..], &["slope", "seconds", "error", "code", "version", "machine", "date"][..])
    );
    assert!(text.lines().skip(1).all(|line| line.starts_with("line.fit,")), "{text}");

    assert!(sweep(&["--param", "penalti=1,2"]).failed(2).contains("there is no parameter 'penalti'; did you mean 'penalty'?"));
    assert!(sweep(&["--param", "penalty=linear:-1..1", "--trials", "2"]).failed(2).contains("parameter 'penalty' must be >= 0, got -1"));
    assert!(sweep(&["--param", "penalty=0.1..1"]).failed(2).contains("'penalty' is a range, and the number of trials is missing"));
    assert!(sweep(&["--param", "penalty"]).failed(2).contains("'penalty' needs its values"));
    assert!(sweep(&["--param", "penalty=1,2", "--folds", "3"]).failed(2).contains("'fit' cannot be cross-validated"));
    assert!(sweep(&["--param", "penalty=1,2", "--minimize", "slop"]).failed(2).contains("no trial measured 'slop'; did you mean 'slope'?"));
    assert!(sweep(&["--param", "penalty=1,2", "--sampler", "sobol"]).failed(2).contains("'trials' must be a number of points"));
}

#[test]
fn completions_and_manual_pages_cover_every_flag() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(call(&["completions", shell]).ok().contains("penalty"), "{shell}");
    }
    assert!(call(&["completions", "tcsh"]).failed(2).contains("parameter 'shell' must be one of"));
    let pages = folder.path("man");
    call(&["man", &pages]).ok();
    let page = std::fs::read_to_string(PathBuf::from(&pages).join("elinvar-line-fit.1")).unwrap();
    assert!(page.contains("penalty"));
    let under_a_file = format!("{}/man", folder.path("data.csv"));
    assert!(call(&["man", &under_a_file]).failed(4).contains("manual pages cannot be written"));
}

#[test]
fn doctor_names_version_machine_and_exit_codes() {
    let text = call(&["doctor"]).ok().to_owned();
    assert!(text.contains("version") && text.contains("Exit codes:") && text.contains("line, other-line"), "{text}");
    let devices: Vec<String> = elinvar::devices().iter().map(ToString::to_string).collect();
    assert_eq!(devices[0], "cpu");
    assert_eq!(call(&["doctor", "--json"]).json()["devices"], json!(devices));
}
