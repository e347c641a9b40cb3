// Reads a JSON list of words on stdin and writes those that Hunspell with the Swedish dictionary does not know.
import { readFileSync } from "node:fs";
import swedish from "dictionary-sv";
import { loadModule } from "hunspell-asm";

const factory = await loadModule();
const hunspell = factory.create(factory.mountBuffer(swedish.aff, "sv.aff"), factory.mountBuffer(swedish.dic, "sv.dic"));
const words = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(words.filter((word) => !hunspell.spell(word))));
