// The page that players are tried on: both behind the same few functions.
import { fileURLToPath } from "node:url";

const library = (path) => fileURLToPath(new URL(`node_modules/${path}`, import.meta.url));

/** The players' own builds. */
export const LIBRARIES = {
  shaka: library("shaka-player/dist/shaka-player.compiled-es2021.js"),
  hls: library("hls.js/dist/hls.min.js"),
};

/** Runs in the page: `start`, `choose`, `codec`, `speak` and `loudest` are what a test asks of it. */
function inPage() {
  const video = document.querySelector("video");
  window.faults = [];
  const fault = (text) => window.faults.push(text);

  async function startShaka({ url, token, licences, wrong }) {
    const player = new shaka.Player();
    await player.attach(video);
    player.addEventListener("error", ({ detail }) => fault(`shaka ${detail.code}`));
    player.configure({ abr: { enabled: false }, streaming: { bufferingGoal: 4 } });
    if (licences) {
      player.configure({ drm: { servers: { "org.w3.clearkey": new URL(licences, location.href).href } } });
      const { LICENSE, KEY } = shaka.net.NetworkingEngine.RequestType;
      player.getNetworkingEngine().registerRequestFilter((type, request) => {
        if (type === LICENSE || type === KEY) request.headers["Authorization"] = `Bearer ${token}`;
      });
      if (wrong) {
        player.getNetworkingEngine().registerResponseFilter((type, response) => {
          if (type !== LICENSE) return;
          const licence = JSON.parse(new TextDecoder().decode(response.data));
          for (const key of licence.keys) key.k = "AAAAAAAAAAAAAAAAAAAAAA";
          response.data = new TextEncoder().encode(JSON.stringify(licence)).buffer;
        });
      }
    }
    const loaded = player.load(url);
    if (wrong) loaded.catch(({ code }) => fault(`shaka ${code}`));
    else await loaded;
    window.codec = () => player.getVariantTracks().find(({ active }) => active).videoCodec;
    window.choose = (which) => {
      const tracks = player.getVideoTracks().sort((a, b) => a.height - b.height);
      const track = tracks.at(which === "tallest" ? -1 : 0);
      player.selectVideoTrack(track, true);
      return track.height;
    };
    window.speak = (language) => {
      player.selectAudioTrack(player.getAudioTracks().find((track) => track.language === language));
      return video.play();
    };
  }

  async function startHls({ url, token, licences }) {
    const player = new Hls({
      maxBufferLength: 4,
      startLevel: 0,
      emeEnabled: Boolean(licences),
      drmSystems: licences ? { "org.w3.clearkey": { licenseUrl: new URL(licences, location.href).href } } : {},
      licenseXhrSetup: (request) => request.setRequestHeader("Authorization", `Bearer ${token}`),
    });
    player.on(Hls.Events.ERROR, (_, { fatal, details }) => fatal && fault(`hls.js ${details}`));
    // Changing the rendition while the first one's first segment is on its way may end both.
    const begun = new Promise((done) => video.addEventListener("loadeddata", done, { once: true }));
    player.loadSource(url);
    player.attachMedia(video);
    await begun;
    window.codec = () => player.levels[player.currentLevel].videoCodec;
    window.choose = (which) => {
      const levels = player.levels.map(({ height }, place) => ({ height, place })).sort((a, b) => a.height - b.height);
      const level = levels.at(which === "tallest" ? -1 : 0);
      player.currentLevel = level.place;
      return level.height;
    };
    window.speak = (language) => {
      player.audioTrack = player.audioTracks.findIndex(({ lang }) => lang === language);
      return video.play();
    };
  }

  window.start = async (facts) => {
    await (facts.player === "shaka" ? startShaka(facts) : startHls(facts));
    video.play().catch(() => undefined); // where the wrong key ends it, the fault is told
  };

  let ear;
  window.loudest = (pitch) => {
    if (!ear) {
      const context = new AudioContext();
      const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
      context.createMediaElementSource(video).connect(analyser).connect(context.destination);
      ear = { context, analyser, levels: new Float32Array(analyser.frequencyBinCount) };
    }
    if (video.ended || video.currentTime > video.duration - 1) video.currentTime = 0;
    ear.analyser.getFloatFrequencyData(ear.levels);
    const place = ear.levels.indexOf(Math.max(...ear.levels));
    return Math.abs((place * ear.context.sampleRate) / ear.analyser.fftSize - pitch) < 20;
  };
}

/** The page. */
export const DOCUMENT = `<!doctype html><html lang="en"><title>Players</title>
<style>body { margin: 0 } video { width: 640px; height: 360px; display: block }</style>
<main><video></video></main><script>(${inPage})()</script></html>`;
