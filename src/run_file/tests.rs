use super::*;

const CHAIN: &str = r#"lattice = { kind = "chain", extent = [8], boundary = "periodic" }"#;

fn parse(text: &str) -> Result<RunFile, RunFileError> {
    let text = text.replace("CHAIN", CHAIN);
    let run: RunFile = text.parse()?;
    run.system()?;
    Ok(run)
}
