//! The folder of a new method, from `templates/method`.

use crate::shell::{Error, Result, read, root};
use std::path::Path;

/// Makes the folder and says what comes next. The skeleton compiles and passes its tests, so that every later step is a change of
/// something that works.
pub(crate) fn run(family: &str, slug: &str) -> Result<()> {
    check(slug)?;
    let source = root().join(format!("crates/elinvar-{family}/src"));
    if !source.is_dir() {
        return Err(Error(format!("there is no family '{family}'; make crates/elinvar-<family> first")));
    }
    let target = source.join(module(slug));
    write(family, slug, &root().join("templates/method"), &target)?;
    println!("made {}", target.display());
    println!("next, in {}: `mod {};` and `{}::method()` in `methods()`", source.join("lib.rs").display(), module(slug), module(slug));
    println!("then replace the shrunken mean by the method, file by file; CONTRIBUTING.md has the order");
    Ok(())
}

fn check(slug: &str) -> Result<()> {
    let fine = slug.starts_with(|c: char| c.is_ascii_lowercase())
        && !slug.ends_with('-')
        && slug.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if fine { Ok(()) } else { Err(Error(format!("slug: lower-case words with - between are expected, got '{slug}'"))) }
}

/// Copies the templates with the names filled in.
fn write(family: &str, slug: &str, templates: &Path, target: &Path) -> Result<()> {
    if target.exists() {
        return Err(Error::file(target, "exists already"));
    }
    std::fs::create_dir_all(target).map_err(|e| Error::file(target, e))?;
    let entries = std::fs::read_dir(templates).map_err(|e| Error::file(templates, e))?;
    for entry in entries.flatten() {
        let text = read(&entry.path())?;
        let path = target.join(entry.file_name());
        std::fs::write(&path, fill(&text, family, slug)).map_err(|e| Error::file(&path, e))?;
    }
    Ok(())
}

fn fill(text: &str, family: &str, slug: &str) -> String {
    let title = slug.replace('-', " ");
    let title = title[..1].to_uppercase() + &title[1..];
    [("__slug__", slug), ("__module__", &module(slug)), ("__Class__", &class(slug)), ("__family__", family), ("__title__", &title)]
        .iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}

fn module(slug: &str) -> String {
    slug.replace('-', "_")
}

/// `monge-gap` is `MongeGap`.
fn class(slug: &str) -> String {
    slug.split('-').map(|word| word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect::<String>()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_filled_in() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("soft_equivariance");
        write("symmetry", "soft-equivariance", &root().join("templates/method"), &target).unwrap();
        let files: Vec<_> = std::fs::read_dir(&target).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(files.len(), 9);
        for file in files {
            assert!(!std::fs::read_to_string(&file).unwrap().contains("__"), "{}", file.display());
        }
        assert!(std::fs::read_to_string(target.join("params.rs")).unwrap().contains("pub struct SoftEquivariance"));
        assert!(write("symmetry", "soft-equivariance", &root().join("templates/method"), &target).is_err(), "nothing is overwritten");
    }

    #[test]
    fn slugs_are_lower_case_words() {
        assert!(check("mi-screening").is_ok() && check("a2pr").is_ok());
        for bad in ["", "Monge", "monge_gap", "gap-", "-gap", "ünder"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
