//! The evidence store on its own.

use crate::sample;
use elinvar_core::Kind;
use elinvar_core::reproduction::{Record, Store};
use elinvar_report::EvidenceStore;
use std::path::Path;

fn records() -> Vec<Record> {
    sample::evidence(2).records().collect()
}

fn filled(folder: &Path, records: &[Record]) -> EvidenceStore {
    let store = EvidenceStore::open(folder).unwrap();
    records.iter().for_each(|r| store.save(r).unwrap());
    store
}

#[test]
fn records_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let records = records();
    let store = filled(folder.path(), &records);
    for record in &records {
        assert_eq!(store.load("monge-gap", &record.key()).unwrap().as_ref(), Some(record));
    }
    assert_eq!(store.load("monge-gap", "00112233445566778899aabbccddeeff").unwrap(), None);
    assert_eq!(store.keys("monge-gap").unwrap().len(), records.len());
    assert_eq!(store.methods().unwrap(), ["monge-gap"]);
    let key = records[0].key();
    assert_eq!(store.path("monge-gap", &key), folder.path().join("monge-gap").join(&key[..2]).join(&key[2..4]).join(format!("{key}.json")));
}

#[test]
fn folders_merge_by_copying() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let records = records();
    let (first, second) = records.split_at(5);
    let store = filled(a.path(), first);
    filled(b.path(), second);
    copy(b.path(), a.path());
    let mut merged = store.keys("monge-gap").unwrap();
    let mut all: Vec<String> = records.iter().map(Record::key).collect();
    merged.sort();
    all.sort();
    assert_eq!(merged, all);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() { copy(&entry.path(), &target) } else { std::fs::copy(entry.path(), target).map(drop).unwrap() }
    }
}

#[test]
fn damaged_files_are_set_aside_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let records = records();
    let store = filled(folder.path(), &records);
    let [cut, swapped, empty] = [0, 1, 2].map(|i| store.path("monge-gap", &records[i].key()));
    let text = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &text[..text.len() / 2]).unwrap();
    // A whole record under the name of another trial would be a false result.
    std::fs::write(&swapped, std::fs::read(store.path("monge-gap", &records[3].key())).unwrap()).unwrap();
    std::fs::write(&empty, b"").unwrap();
    for (i, path) in [&cut, &swapped, &empty].into_iter().enumerate() {
        assert_eq!(store.load("monge-gap", &records[i].key()).unwrap(), None);
        assert!(!path.exists() && path.with_extension("json.corrupt").exists());
        assert!(store.warnings()[i].contains(&path.display().to_string()), "{:?}", store.warnings());
    }
    assert_eq!(store.keys("monge-gap").unwrap().len(), records.len() - 3);
    store.save(&records[0]).unwrap();
    assert_eq!(store.load("monge-gap", &records[0].key()).unwrap().as_ref(), Some(&records[0]));
}

#[test]
fn a_folder_that_cannot_be_written_is_one_clear_error_before_any_trial() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    std::fs::write(&file, "x").unwrap();
    let error = EvidenceStore::open(file.join("evidence")).unwrap_err();
    assert_eq!(error.kind(), Kind::File);
    let text = error.to_string();
    assert!(text.contains("a-file/evidence: cannot be written (not a directory)") && text.lines().count() == 1, "{text}");
}

#[test]
fn partial_files_of_a_killed_process_are_never_read() {
    let folder = tempfile::tempdir().unwrap();
    let records = records();
    let store = filled(folder.path(), &records[..1]);
    let partial = folder.path().join(".under-way/.partial-x.json");
    std::fs::write(&partial, "{").unwrap();
    assert_eq!(store.keys("monge-gap").unwrap().len(), 1);
    assert!(store.warnings().is_empty());
    EvidenceStore::open(folder.path()).unwrap();
    assert!(partial.exists(), "a young one may belong to a running process");
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(3 * 24 * 3600);
    std::fs::File::options().write(true).open(&partial).unwrap().set_modified(old).unwrap();
    EvidenceStore::open(folder.path()).unwrap();
    assert!(!partial.exists());
}

#[test]
fn records_of_another_version_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = records();
    records[0].code = 7;
    records[1].code = 8;
    let store = filled(folder.path(), &records);
    let known = records[2..4].iter().map(Record::key).collect();
    assert_eq!(store.of_other_versions("monge-gap", 1, &known).unwrap(), 2);
    assert_eq!(store.of_other_versions("monge-gap", 7, &known).unwrap(), records.len() - 3);
}

#[cfg(unix)]
#[test]
fn records_can_be_read_by_others_as_far_as_the_umask_allows() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let records = records();
    let store = filled(folder.path(), &records[..1]);
    let plain = folder.path().join("plain");
    std::fs::write(&plain, "x").unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&store.path("monge-gap", &records[0].key())), mode(&plain));
}
