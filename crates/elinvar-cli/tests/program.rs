//! The program itself, with the real registry.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use assert_cmd::Command;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn elinvar(arguments: &[&str]) -> assert_cmd::assert::Assert {
    Command::cargo_bin("elinvar").unwrap().args(arguments).assert()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn every_method_is_listed_and_has_help() {
    let list = text(&elinvar(&["list"]).success().get_output().stdout);
    for method in elinvar::methods() {
        let slug = method.card.slug;
        assert!(list.lines().any(|line| line.starts_with(slug)), "{slug}");
        let info = text(&elinvar(&["info", slug]).success().get_output().stdout);
        assert!(info.contains(method.card.title) || info.starts_with('#'), "{slug}");
        for verb in &method.verbs {
            let help = text(&elinvar(&[slug, verb.name, "--help"]).success().get_output().stdout);
            for parameter in &verb.params.parameters {
                assert!(help.contains(&format!("--{}", parameter.name.replace('_', "-"))), "{slug} {}: {}", verb.name, parameter.name);
            }
        }
    }
}

#[test]
fn errors_are_one_line_with_the_documented_code() {
    for (arguments, code) in [
        (vec!["no-such-command"], 2),
        (vec!["info", "no-such-method"], 2),
        (vec!["data", "show", "no-such-file.csv"], 4),
        (vec!["reproduce", "no-such-method"], 2),
    ] {
        let ended = elinvar(&arguments).code(code);
        let errors = text(&ended.get_output().stderr);
        assert!(errors.starts_with("error: ") && errors.lines().count() == 1 && errors.ends_with('\n'), "{errors}");
        assert!(ended.get_output().stdout.is_empty());
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let program = assert_cmd::cargo::cargo_bin("elinvar");
    let script = format!("'{}' completions bash | head -c 1 > /dev/null; exit ${{PIPESTATUS[0]}}", program.display());
    Command::new("bash").args(["-c", &script]).assert().success().stderr("");
}

/// Records in an evidence folder.
fn records(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| std::fs::read_dir(folder).map(|d| d.map(|e| e.unwrap().path()).collect::<Vec<_>>()).unwrap_or_default();
    let folders = |all: Vec<PathBuf>| all.into_iter().filter(|p| p.is_dir()).flat_map(|p| entries(&p)).collect::<Vec<_>>();
    folders(folders(entries(folder))).into_iter().filter(|p| p.extension().is_some_and(|e| e == "json")).collect()
}

#[cfg(unix)]
#[test]
fn ctrl_c_in_the_middle_of_a_reproduction_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("evidence");
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("elinvar"))
        .args(["reproduce", "distance-covariance", "--scale", "quick", "--threads", "1", "--out"])
        .arg(&out)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    let own = out.join("distance-covariance");
    while records(&own).is_empty() {
        assert!(start.elapsed() < Duration::from_secs(120), "no trial ended");
        assert!(child.try_wait().unwrap().is_none(), "the reproduction ended too early");
        std::thread::sleep(Duration::from_millis(20));
    }
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let ended = child.wait_with_output().unwrap();
    let errors = text(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{errors}");
    assert!(errors.starts_with("error: distance-covariance: interrupted; ") && errors.lines().count() == 1, "{errors}");
    assert!(errors.contains("the same command goes on from there"), "{errors}");
    let kept = records(&own);
    assert!(!kept.is_empty());
    for record in kept {
        serde_json::from_slice::<serde_json::Value>(&std::fs::read(&record).unwrap()).unwrap();
    }
}

#[test]
fn the_memory_limit_holds_for_what_nobody_reserved() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("evidence");
    let ended = elinvar(&["reproduce", "distance-covariance", "--mem-limit", "1MB", "--out", out.to_str().unwrap()]).code(7);
    let errors = text(&ended.get_output().stderr);
    assert!(
        errors.starts_with("error: ") && errors.contains("of memory are in use, the limit is 976.6 KiB; raise --mem-limit"),
        "{errors}"
    );
    elinvar(&["reproduce", "distance-covariance", "--scale", "tiny", "--mem-limit", "8GB", "--out", out.to_str().unwrap()]).success();
}

/// The job array of the book, two of its tasks at the same time on one folder.
#[cfg(unix)]
#[test]
fn the_slurm_script_of_the_book_fills_one_folder() {
    let book = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/large-runs.md")).unwrap();
    let script = book.split("```").find_map(|block| block.strip_prefix("sh\n").filter(|text| text.starts_with("#!/bin/bash"))).unwrap();
    let script = script.replace("rnn-degeneracy --scale paper", "distance-covariance --scale tiny");
    assert!(script.contains("--scale tiny"), "{script}");
    let folder = tempfile::tempdir().unwrap();
    let program = assert_cmd::cargo::cargo_bin("elinvar");
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let task = |number: &str| {
        let mut command = std::process::Command::new("bash");
        command.args(["-c", &script]).env("PATH", &path).env("SLURM_SUBMIT_DIR", folder.path());
        command.env("SLURM_ARRAY_TASK_ID", number).env("SLURM_ARRAY_TASK_COUNT", "2").env("SLURM_CPUS_PER_TASK", "1");
        command.stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    let ended = ["1", "2"].map(task).map(|mut child| child.wait().unwrap().code());
    assert_eq!(ended, [Some(0), Some(0)]);
    let evidence = folder.path().join("evidence");
    elinvar(&["report", "distance-covariance", "--scale", "tiny", "--evidence", evidence.to_str().unwrap()]).success();
}

/// Two channels at 50 samples a second; every two seconds a second of a slow or a fast rhythm, marked at its start.
fn recording() -> String {
    let mut csv = "C3,C4,marker\n".to_owned();
    for t in 0..2400_u32 {
        let (block, place) = (t / 100, t % 100);
        let fast = block % 2 == 1;
        let angle = f64::from(t) * if fast { 1.9 } else { 1.1 } + f64::from(block);
        let hashed = (12.9898 * f64::from(t)).sin() * 43758.5453;
        let noise = hashed - hashed.floor();
        let marker = if place == 0 { if fast { "fast" } else { "slow" } } else { "" };
        csv += &format!("{},{},{marker}\n", angle.sin() + 0.3 * noise, (angle + 0.7).cos() - 0.5 * noise * noise);
    }
    csv
}

#[test]
fn a_recording_is_cut_fitted_and_classified() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (csv, model) = (path("rec.csv"), path("model.safetensors"));
    std::fs::write(&csv, recording()).unwrap();
    let cut = [csv.as_str(), "--sfreq", "50", "--tmin", "0", "--tmax", "1.8"];
    let fit =
        [&["augmented-covariance", "fit"], &cut[..], &["--classifier", "mdm", "--order", "3", "--lag", "1", "--band", "4", "20"]].concat();
    elinvar(&[&fit[..], &["--out", &model]].concat()).success();
    let predict = [&["augmented-covariance", "predict"], &cut[..], &["--model", &model, "--json"]].concat();
    let found: serde_json::Value = serde_json::from_slice(&elinvar(&predict).success().get_output().stdout).unwrap();
    let labels = found.to_string();
    assert_eq!((labels.matches("\"slow\"").count(), labels.matches("\"fast\"").count()), (12, 12), "{labels}");
    let whole = [&["augmented-covariance", "fit"], &cut[..], &["--filter", "4,20", "--classifier", "mdm", "--order", "3", "--lag", "1"]];
    elinvar(&[&whole.concat()[..], &["--out", &model]].concat()).success();
    for (arguments, message) in [
        (vec!["--sfreq", "50", "--tmax", "1", "--filter", "4"], "error: --filter must be two frequencies in Hz with a comma between"),
        (vec!["--sfreq", "50", "--tmax", "1", "--filter", "4,30"], "error: a band must have 0 < low < high < 25 Hz"),
        (vec!["--tmax", "1"], "error: a CSV recording needs --sfreq, its samples a second"),
        (vec!["--sfreq", "50"], "error: a recording needs --tmax, the end of each epoch in seconds after its event"),
        (vec!["--sfreq", "50", "--tmax", "1", "--events", "slow,quick"], "error: there is no event 'quick'"),
    ] {
        let all = [&["augmented-covariance", "fit", csv.as_str(), "--out", model.as_str()], &arguments[..]].concat();
        let errors = text(&elinvar(&all).failure().get_output().stderr);
        let bare = errors.replace("error: augmented-covariance: ", "error: ");
        assert!(bare.starts_with(message), "{errors}");
    }
}

#[test]
fn what_a_classifier_says_of_rows_is_one_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (data, new, model, out) = (path("data.csv"), path("new.csv"), path("model.safetensors"), path("said.csv"));
    let features = |i: u32| format!("{},{}", f64::from(i).sin(), f64::from(i % 5) + 3.0 * f64::from(i % 2));
    let row = |i: u32| format!("{},{}\n", features(i), ["low", "high"][i as usize % 2]);
    std::fs::write(&data, format!("a,b,level\n{}", (0..80).map(row).collect::<String>())).unwrap();
    std::fs::write(&new, format!("a,b\n{}", (0..30).map(|i| features(i) + "\n").collect::<String>())).unwrap();
    let fit = |target| elinvar(&["self-normalizing", "fit", &data, "--target", target, "--max-epochs", "3", "--out", &model]);
    fit("level").success();
    elinvar(&["self-normalizing", "predict", &new, "--model", &model, "--out", &out]).success();
    let said = std::fs::read_to_string(&out).unwrap();
    assert_eq!(said.lines().count(), 31, "{said}");
    assert!(said.starts_with("label,code,probabilities"), "{said}");
    let errors = text(&fit("levle").failure().get_output().stderr);
    assert!(errors.contains("'level'"), "{errors}");
}

/// Twelve images of 8 x 8 pixels in the format of the MNIST digits, and their labels.
fn idx() -> (Vec<u8>, Vec<u8>) {
    let pixel = |k: usize| if k % 64 / 8 == k / 64 % 2 * 4 { 200 } else { (k * 37 % 50) as u8 };
    let images = [&[0, 0, 8, 3, 0, 0, 0, 12, 0, 0, 0, 8, 0, 0, 0, 8][..], &(0..12 * 64).map(pixel).collect::<Vec<u8>>()].concat();
    let labels = [&[0, 0, 8, 1, 0, 0, 0, 12][..], &(0..12).map(|k| k % 2).collect::<Vec<u8>>()].concat();
    (images, labels)
}

#[test]
fn images_and_labels_may_lie_in_files_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (images, labels, model) = (path("images-idx3-ubyte"), path("labels-idx1-ubyte"), path("model.safetensors"));
    let (pixels, codes) = idx();
    std::fs::write(&images, pixels).unwrap();
    std::fs::write(&labels, codes).unwrap();
    let fit = |y: &str| elinvar(&["polyphase-vit", "fit", &images, "--y", y, "--epochs", "1", "--out", &model, "--quiet"]);
    let missing = text(&fit(&path("nothing")).failure().get_output().stderr);
    assert!(missing.contains("nothing: there is no such file"), "{missing}");
    assert!(!Path::new(&model).exists());
    fit(&labels).success();
    let report = elinvar(&["polyphase-vit", "shift-report", &images, "--y", &labels, "--model", &model, "--max-shift", "8", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&report.success().get_output().stdout).unwrap();
    assert_eq!(report["results"]["consistency"], 1.0);
    let empty = text(&elinvar(&["polyphase-vit", "fit", folder.path().to_str().unwrap(), "--out", &model]).failure().get_output().stderr);
    assert!(empty.contains("holds no image; images are .png, .jpg or .jpeg, a folder a class"), "{empty}");
}
