// Sums a pprof profile as pprof-format decodes it.
//
//     node pprof.mjs FOLDER PROFILE
//
// Prints types, sums by type as strings, the deepest stack and how many functions are called what.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { gunzipSync } from "node:zlib";

const [folder, file] = process.argv.slice(2);
const { Profile } = createRequire(path.resolve(folder, "package.json"))("pprof-format");
const profile = Profile.decode(gunzipSync(readFileSync(file)));
const text = (index) => profile.stringTable.strings[Number(index)];
const sums = profile.sampleType.map((_, at) =>
  String(profile.sample.reduce((sum, sample) => sum + BigInt(sample.value[at]), 0n)),
);
console.log(JSON.stringify({
  types: profile.sampleType.map((type) => `${text(type.type)} ${text(type.unit)}`),
  shown: text(profile.defaultSampleType),
  sums,
  deepest: Math.max(...profile.sample.map((sample) => sample.locationId.length)),
  functions: profile.function.map((one) => text(one.name)),
}));
