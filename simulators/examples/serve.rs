//! Serves the NinjaOne simulator until Ctrl-C:
//!
//! ```text
//! cargo run -p simulators --example serve -- 8410 1200
//! ```
//!
//! The arguments are the port and the number of devices.

use std::error::Error;
use std::net::SocketAddr;

use simulators::ninjaone::{NinjaOne, Options};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().unwrap_or_else(|| "8410".to_owned()).parse()?;
    let devices: usize = arguments.next().unwrap_or_else(|| "1200".to_owned()).parse()?;
    let options = Options {
        devices,
        ..Options::default()
    };
    let ninja = NinjaOne::start(options, SocketAddr::from(([127, 0, 0, 1], port))).await?;
    println!(
        "NinjaOne simulator with {devices} devices on {}",
        ninja.base_url()
    );
    println!("Web app demo-web / demo-web-secret, machine app demo-machine / demo-machine-secret");
    println!("Technician tech@example.test / demo-password");
    tokio::signal::ctrl_c().await?;
    ninja.shutdown().await;
    Ok(())
}
