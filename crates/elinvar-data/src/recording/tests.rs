//! Values of MNE and pyedflib, epochs, and files that are cut short or changed.

use super::*;
use elinvar_core::Table;
use proptest::prelude::*;
use serde_json::Value;

/// `reference.py` makes these files and reads them with MNE and pyedflib.
fn reference() -> Value {
    serde_json::from_str(include_str!("reference.json")).unwrap()
}

fn bytes(hex: &Value) -> Vec<u8> {
    let digits = hex.as_str().unwrap().as_bytes();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn case(name: &str) -> Vec<u8> {
    let all = reference();
    bytes(&all["cases"].as_array().unwrap().iter().find(|case| case["name"] == name).unwrap()["bytes"])
}

#[test]
fn agrees_with_mne_and_pyedflib() {
    let all = reference();
    let cases = all["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 5);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let read = read_signals_from(name, &bytes(&case["bytes"])).unwrap();
        assert_eq!(Value::from(read.channels.clone()), case["channels"], "{name}");
        assert_eq!(read.sfreq, case["sfreq"].as_f64().unwrap(), "{name}");
        for other in ["mne", "pyedflib"].iter().filter_map(|other| case.get(*other)) {
            for (row, expected) in read.data.outer_iter().zip(other.as_array().unwrap()) {
                let expected: Vec<f64> = expected.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
                assert_eq!(row.len(), expected.len(), "{name}");
                row.iter().zip(&expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-9, "{name}: {a} against {b}"));
            }
        }
        let events = case["events"].as_array().unwrap();
        assert_eq!(read.events.len(), events.len(), "{name}");
        for (event, expected) in read.events.iter().zip(events) {
            assert_eq!((Value::from(event.onset), Value::from(event.label.clone())), (expected[0].clone(), expected[2].clone()), "{name}");
            // MNE gives events of GDF without a duration one sample.
            if !name.ends_with("gdf") {
                assert_eq!(Value::from(event.duration), expected[1], "{name}");
            }
        }
        assert_eq!(read.units[0], "uV", "{name}");
    }
}

#[test]
fn channels_of_another_rate_are_named() {
    let read = read_signals_from("a.edf", &case("two-rates.edf")).unwrap();
    assert_eq!((read.channels.join(" "), read.left_out.join(" ")), ("Fz Cz".to_owned(), "Temp".to_owned()));
}

#[test]
fn discontinuous_records_are_stretches_that_no_epoch_crosses() {
    let read = read_signals_from("d.edf", &bytes(&reference()["discontinuous"])).unwrap();
    let stretch = |onset, start, length| Stretch { onset, start, length };
    assert_eq!(read.stretches, [stretch(0.0, 0, 8), stretch(5.0, 8, 4)]);
    let events: Vec<(f64, f64, &str)> = read.events.iter().map(|e| (e.onset, e.duration, e.label.as_str())).collect();
    assert_eq!(events, [(1.5, 0.0, "go"), (5.25, 0.5, "stop"), (5.25, 0.5, "now")]);
    let cut = Cut { tmin: 0.0, tmax: 0.5, ..Cut::default() };
    let epochs = read.epochs(&cut).unwrap();
    assert_eq!((epochs.x.dim(), epochs.left_out), ((3, 1, 2), 0));
    assert_eq!(epochs.x[[1, 0, 0]], read.data[[0, 9]]);
    let longer = read.epochs(&Cut { tmax: 0.75, ..cut }).unwrap();
    assert_eq!((longer.x.dim().0, longer.left_out), (2, 1));
}

#[test]
fn epochs_are_cut_at_chosen_events_and_channels() {
    let read = read_signals_from("a.edf", &case("plus.edf")).unwrap();
    let cut = Cut { tmin: -0.25, tmax: 0.5, labels: vec!["left".into()], channels: vec!["C4".into()] };
    let epochs = read.epochs(&cut).unwrap();
    assert_eq!((epochs.x.dim(), epochs.sfreq), ((1, 1, 12), 16.0));
    assert_eq!(epochs.x[[0, 0, 0]], read.data[[1, 4]]);
    assert_eq!(epochs.labels, Column::Text(vec![Some("left".into())]));
    let message = |cut: Cut| read.epochs(&cut).unwrap_err().to_string();
    assert_eq!(message(Cut { labels: vec!["lefft".into()], ..cut.clone() }), "there is no event 'lefft'; did you mean 'left'?");
    assert!(message(Cut { channels: vec!["C9".into()], ..cut.clone() }).starts_with("there is no channel 'C9'"));
    assert_eq!(message(Cut { tmin: 2.0, tmax: 1.0, ..cut.clone() }), "epochs from 2 to 1 s must hold 2 to 48 samples at 16 Hz, got -16");
    assert_eq!(message(Cut { tmin: -2.0, tmax: 0.0, ..cut }), "none of the 1 events has a whole epoch from -2 to 0 s");
}

#[test]
fn tables_with_markers_are_recordings() {
    let text = |cells: [&str; 6]| Column::Text(cells.iter().map(|c| (!c.is_empty()).then(|| (*c).to_owned())).collect());
    let table = Table::new()
        .with("C3", Column::Number(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
        .and_then(|t| t.with("marker", text(["", "left", "left", "", "right", ""])))
        .unwrap();
    let read = read_markers(&table, "marker", 2.0).unwrap();
    let events: Vec<(f64, &str)> = read.events.iter().map(|e| (e.onset, e.label.as_str())).collect();
    assert_eq!(events, [(0.5, "left"), (2.0, "right")]);
    let epochs = read.epochs(&Cut { tmax: 1.0, ..Cut::default() }).unwrap();
    assert_eq!(epochs.x.iter().copied().collect::<Vec<_>>(), [2.0, 3.0, 5.0, 6.0]);
    assert!(read_markers(&table, "trigger", 2.0).is_err() && read_markers(&table, "marker", 0.0).is_err());
    let listed = Table::new().with("onset", Column::Number(vec![0.5])).and_then(|t| t.with("label", Column::Integer(vec![7]))).unwrap();
    assert_eq!(events_of(&listed).unwrap(), [Event { onset: 0.5, duration: 0.0, label: "7".into() }]);
}

#[test]
fn sizes_that_are_not_there_are_refused_before_memory_is_taken() {
    let mut file = case("two-rates.edf");
    file[236..244].copy_from_slice(b"99999999");
    let message = read_signals_from("a.edf", &file).unwrap_err().to_string();
    assert_eq!(message, "a.edf: the header claims 99999999 records of 36 bytes, but 3 are there; the file is cut short");
    let mut file = case("one.gdf");
    file[252..256].copy_from_slice(&u32::MAX.to_le_bytes());
    let message = read_signals_from("a.gdf", &file).unwrap_err().to_string();
    assert_eq!(message, "a.gdf: a header of 4294967295 signals claims 768 of 858 bytes");
    assert!(read_signals_from("a.edf", b"").unwrap_err().to_string().ends_with("the file is empty"));
    assert!(read_signals_from("a.edf", b"nothing").unwrap_err().to_string().contains("no EDF, BDF or GDF file"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn cut_short_files_never_panic(which in 0_usize..5, share in 0.0_f64..1.0) {
        let all = reference();
        let whole = bytes(&all["cases"][which]["bytes"]);
        let kept = (share * whole.len() as f64) as usize;
        let _ = read_signals_from("cut", &whole[..kept]);
    }

    #[test]
    fn changed_files_never_panic(which in 0_usize..6, changes in proptest::collection::vec((0_usize..1700, any::<u8>()), 1..12)) {
        let all = reference();
        let mut file = bytes(if which == 5 { &all["discontinuous"] } else { &all["cases"][which]["bytes"] });
        for (place, value) in changes {
            let length = file.len();
            file[place % length] = value;
        }
        if let Ok(read) = read_signals_from("changed", &file) {
            prop_assert!(read.data.len() <= 8 * file.len());
            let _ = read.epochs(&Cut { tmax: 0.5, ..Cut::default() });
        }
    }

    #[test]
    fn random_headers_never_panic(mut noise in proptest::collection::vec(any::<u8>(), 256..1200), kind in 0_usize..3) {
        let start: &[u8] = [b"GDF 2.10".as_slice(), b"\xffBIOSEMI", b"0       "][kind];
        noise[..8].copy_from_slice(start);
        let _ = read_signals_from("noise", &noise);
    }
}
