// Judges a list of simulations: JSON from standard input, one verdict for each on standard output.
// node simulate.mjs <folder with node_modules>
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";

const { runSimulation } = createRequire(`${process.argv[2]}/`)("@cloud-copilot/iam-simulate");
const verdicts = [];
for (const simulation of JSON.parse(await text(process.stdin))) {
  const response = await runSimulation(simulation, {});
  const { resultType, overallResult, errors } = response;
  verdicts.push(resultType === "error" ? JSON.stringify(errors) : overallResult === "Allowed" ? "allow" : "deny");
}
console.log(JSON.stringify(verdicts));
