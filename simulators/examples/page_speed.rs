use std::time::Instant;
#[tokio::main]
async fn main() {
    let n: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let t = Instant::now();
    let ninja = simulators::ninjaone::NinjaOne::start_on_loopback(simulators::ninjaone::Options { devices: n, ..Default::default() }).await.unwrap();
    println!("start {:?}", t.elapsed());
    let token = ninja.grants().access_token_for("demo-web", None, &["monitoring"]);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut after = 0; let mut bytes = 0; let mut pages = 0; let t = Instant::now();
    loop {
        let body = client.get(format!("{}/v2/devices-detailed?pageSize=1000&after={after}&expand=warranty,location,role", ninja.base_url())).bearer_auth(&token).send().await.unwrap().bytes().await.unwrap();
        pages += 1; bytes += body.len();
        if body.len() < 10 { break }
        let rows: Vec<serde_json::Value> = serde_json::from_slice(&body).unwrap();
        after = rows.last().unwrap()["id"].as_i64().unwrap();
    }
    println!("{pages} pages {} MB {:?}", bytes / 1_000_000, t.elapsed());
    let s = std::fs::read_to_string("/proc/self/status").unwrap();
    for l in s.lines().filter(|l| l.starts_with("VmHWM") || l.starts_with("VmRSS")) { println!("{l}"); }
    let t = Instant::now(); let d = ninja.let_a_day_pass(0.01); println!("day {:?} changed {}", t.elapsed(), d.changed.len());
    // pure: server time by page with curl-like single request
    let t = Instant::now();
    for _ in 0..20 { client.get(format!("{}/v2/devices-detailed?pageSize=1000&expand=warranty,location,role", ninja.base_url())).bearer_auth(&token).send().await.unwrap().bytes().await.unwrap(); }
    println!("one page {:?}", t.elapsed() / 20);
}
