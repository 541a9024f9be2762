import type { RegistryTool } from '../registry-tool.js';

const manual = (
  name: string,
  bin: string,
  docs: string,
  description: string,
  ...requirements: string[]
): RegistryTool => ({ name, description, method: 'manual', package: null, bin, docs, requirements });

/** Tools that people bring to a host or into the image of agents. */
export const MANUAL_TOOLS: readonly RegistryTool[] = [
  manual(
    'camsnap',
    'camsnap',
    'https://github.com/steipete/camsnap',
    'Takes pictures from network cameras',
    'A camera in the local network',
  ),
  manual(
    'ffmpeg',
    'ffmpeg',
    'https://ffmpeg.org/ffmpeg.html',
    'Converts video and audio',
    'The program in the image of agents',
  ),
  manual('gh', 'gh', 'https://cli.github.com/manual/', 'Works with GitHub', 'A token of GitHub'),
  manual(
    'graphviz',
    'dot',
    'https://graphviz.org/documentation/',
    'Draws graphs',
    'The program in the image of agents',
  ),
  manual(
    'imagemagick',
    'convert',
    'https://imagemagick.org/script/command-line-processing.php',
    'Converts images',
    'The program in the image of agents',
  ),
  manual(
    'imsg',
    'imsg',
    'https://github.com/steipete/imsg',
    'Reads and sends iMessages',
    'macOS, and full disk access',
  ),
  manual(
    'obsidian',
    'obsidian-cli',
    'https://github.com/Yakitrak/obsidian-cli',
    'Reads and writes notes of Obsidian',
    'A vault in the workspace',
  ),
  manual(
    'openhue',
    'openhue',
    'https://www.openhue.io/cli/openhue-cli',
    'Switches Philips Hue lights',
    'A Hue bridge in the local network',
  ),
  manual(
    'pandoc',
    'pandoc',
    'https://pandoc.org/MANUAL.html',
    'Converts documents',
    'The program in the image of agents',
  ),
  manual(
    'peekaboo',
    'peekaboo',
    'https://github.com/steipete/Peekaboo',
    'Sees and uses the screen',
    'macOS, and its screen recording permission',
  ),
  manual(
    'spotify',
    'spotify_player',
    'https://github.com/aome510/spotify-player',
    'Plays music of Spotify',
    'A Premium account',
  ),
  manual(
    'tesseract',
    'tesseract',
    'https://tesseract-ocr.github.io',
    'Reads text in images',
    'The program in the image of agents',
  ),
];
