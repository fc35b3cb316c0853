//! Benchmarks against the peers, each script in the peers' environment.

use crate::python;
use crate::shell::{root, stage};
use elinvar_core::error::suggestion;
use elinvar_core::{Error, Kind, Result};
use std::path::PathBuf;

/// Runs one script, or all of them.
pub(crate) fn run(method: Option<&str>) -> Result<()> {
    let all = scripts()?;
    let chosen: Vec<&String> = all.iter().filter(|slug| method.is_none_or(|m| m == slug.as_str())).collect();
    if let (Some(method), true) = (method, chosen.is_empty()) {
        let slugs: Vec<&str> = all.iter().map(String::as_str).collect();
        let hint = suggestion(method, &slugs, "the benchmarks are");
        return Err(Error::new(Kind::Parameter, format!("there is no benchmark '{method}'")).hint(hint));
    }
    let environment = python::peers()?;
    stage("release build", &mut environment.command("maturin", &["develop", "--release", "--quiet"]))?;
    for slug in chosen {
        stage(slug, &mut environment.command("python", &[&format!("benchmarks/{slug}.py")]))?;
    }
    Ok(())
}

/// Slugs with a script, sorted.
fn scripts() -> Result<Vec<String>> {
    let folder: PathBuf = root().join("benchmarks");
    let entries = std::fs::read_dir(&folder).map_err(|e| Error::file(&folder, e))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut slugs: Vec<String> = names
        .filter_map(|name| name.strip_suffix(".py").map(str::to_owned))
        .filter(|slug| elinvar_slugs().contains(&slug.as_str()))
        .collect();
    slugs.sort();
    Ok(slugs)
}

/// Slugs of the registry: other scripts in the folder are helpers.
fn elinvar_slugs() -> Vec<&'static str> {
    elinvar::methods().iter().map(|m| m.card.slug).collect()
}
