//! The page in a real headless browser. Skipped with a message where no chromium is on the PATH.

use crate::sample;
use elinvar_report::{page_html, write_page};
use std::path::{Path, PathBuf};
use std::process::Command;

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path).flat_map(|folder| names.map(|n| folder.join(n))).find(|p| p.is_file())
}

/// Runs the browser on a file and returns what it prints.
fn browse(file: &Path, width: u32, height: u32, more: &[String]) -> String {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(chromium().unwrap())
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"])
        .args(["--disable-component-update", "--disable-sync", "--hide-scrollbars", "--virtual-time-budget=2000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--window-size={width},{height}"))
        .args(more)
        .arg(format!("file://{}", file.display()))
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn folder() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("report-page");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Looks at the page at one width and theme inside a frame, because a browser's window cannot be as narrow as a phone.
///
/// The script reports what sticks out, and text in figures that would be too small to read, in the title.
fn framed(page: &str, theme: &str, width: u32, height: u32) -> String {
    let probe = "<script>addEventListener('load',()=>{\
        const w=document.documentElement.clientWidth,out=[...document.querySelectorAll('main *')].filter(e=>\
        !e.closest('.scroll,.unseen,thead')&&e.getBoundingClientRect().right>w+1).map(e=>e.tagName+'.'+e.className);\
        const small=[...document.querySelectorAll('.panel svg')].filter(s=>s.clientWidth>0).flatMap(s=>{\
        const scale=s.clientWidth/s.viewBox.baseVal.width;return [...s.querySelectorAll('text')].map(t=>t.getAttribute('font-size')*scale)});\
        const clash=[...document.querySelectorAll('.panel svg')].filter(s=>s.clientWidth>0).flatMap(s=>{\
        const b=[...s.querySelectorAll('text')].map(t=>[t.getBoundingClientRect(),t.textContent.trim()]);const f=s.getBoundingClientRect();\
        const bad=b.filter(([r])=>r.left<f.left-1||r.right>f.right+1||r.bottom>f.bottom+1).map(x=>'outside: '+x[1]);\
        b.forEach(([p,n],i)=>b.slice(0,i).forEach(([q,m])=>{if(p.left<q.right-1&&q.left<p.right-1&&p.top<q.bottom-3&&q.top<p.bottom-3)bad.push(n+' on '+m)}));\
        return bad});\
        const head=[...document.querySelectorAll('.trials th')].find(t=>t.textContent==='uvp');head.firstChild.click();\
        const order=[...document.querySelectorAll('.trials tbody tr')].map(r=>r.className?Infinity:+r.cells[head.cellIndex].dataset.value);\
        const sorted=order.every((v,i)=>i===0||order[i-1]<=v)&&head.ariaSort==='ascending';\
        parent.document.title='overflow='+(document.documentElement.scrollWidth-w)+' out=['+out.join(',')+'] smallest='+\
        Math.min(...small).toFixed(2)+' sorted='+sorted+' clash=['+clash.join('|')+']'})</script></body>";
    let policy_free = page.replace("<html lang=\"en\">", &format!("<html lang=\"en\" data-theme=\"{theme}\">")).replace("</body>", probe);
    let quoted = policy_free.replace('&', "&amp;").replace('"', "&quot;");
    format!(
        "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>not loaded</title></head><body style=\"margin:0\">\
         <iframe style=\"border:0;display:block;width:{width}px;height:{height}px\" srcdoc=\"{quoted}\"></iframe></body></html>"
    )
}

#[test]
fn the_page_is_sound_in_a_browser() {
    if chromium().is_none() {
        eprintln!("skipped: no chromium on the PATH");
        return;
    }
    let folder = folder();
    let (report, figures) = (sample::report(10), sample::figures());
    write_page(&folder, &report, &figures).unwrap();
    let dom = browse(&folder.join("index.html"), 1200, 900, &["--dump-dom".into()]);
    for text in ["Monge gap", "of 8 claims reproduced", "MG-5", "not reproduced", "Where we differ", "Xeon", "the loss is not finite"] {
        assert!(dom.contains(text), "{text} is not on the page");
    }
    let page = page_html(&report, &figures).unwrap();
    for (theme, width, height) in
        [("light", 1200, 5200), ("dark", 1200, 5200), ("light", 390, 9800), ("dark", 390, 9800), ("light", 320, 9800)]
    {
        let name = format!("{theme}-{width}");
        let file = folder.join(format!("{name}.html"));
        std::fs::write(&file, framed(&page, theme, width, height)).unwrap();
        let shot = format!("--screenshot={}", folder.join(format!("{name}.png")).display());
        browse(&file, width.max(500), height, &[shot]);
        let title = browse(&file, width.max(500), height, &["--dump-dom".into()]);
        let found = title.split("<title>").nth(1).and_then(|t| t.split("</title>").next()).unwrap_or("").to_owned();
        assert!(found.starts_with("overflow=0 out=[] "), "{name}: {found}");
        assert!(found.ends_with("clash=[]"), "{name}: {found}");
        assert!(found.contains(" sorted=true "), "{name}: {found}");
        let smallest: f64 = found.split("smallest=").nth(1).and_then(|t| t.split(' ').next()).unwrap().parse().unwrap();
        assert!(smallest >= if width >= 390 { 12.0 } else { 10.5 }, "{name}: text of {smallest} px");
    }
}
