//! Benchmarks against the peers, each script in the peers' environment.

use crate::python;
use crate::shell::{Error, Result, root, stage};
use std::path::PathBuf;

/// Runs one script, or all of them.
pub(crate) fn run(method: Option<&str>) -> Result<()> {
    let all = scripts()?;
    let chosen: Vec<&String> = all.iter().filter(|slug| method.is_none_or(|m| m == slug.as_str())).collect();
    if let (Some(method), true) = (method, chosen.is_empty()) {
        return Err(Error(format!("there is no benchmark '{method}'; the benchmarks are {}", all.join(", "))));
    }
    let environment = python::peers()?;
    stage("release build", &mut environment.command("maturin", &["develop", "--release", "--quiet"]))?;
    for slug in chosen {
        stage(slug, &mut environment.command("python", &[&format!("benchmarks/{slug}.py")]))?;
    }
    Ok(())
}

/// What the scripts share; every other one is a benchmark.
const SHARED: &str = "harness";

/// Names of the benchmarks, sorted.
fn scripts() -> Result<Vec<String>> {
    let folder: PathBuf = root().join("benchmarks");
    let entries = std::fs::read_dir(&folder).map_err(|e| Error::file(&folder, e))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut scripts: Vec<String> = names.filter_map(|name| name.strip_suffix(".py").map(str::to_owned)).collect();
    scripts.retain(|name| name != SHARED);
    scripts.sort();
    Ok(scripts)
}
