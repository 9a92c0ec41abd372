# A template: `packaging/homebrew.py` fills in @…@ for a bundle, and writes it into dist/.
cask "mem0tray-app" do
  version "@VERSION@"
  sha256 "@SHA256@"

  url "@URL@"
  name "mem0tray"
  desc "Takes memories from coding agents to your Mem0 server, and loses none"
  homepage "@HOME@"

  conflicts_with formula: "mem0tray"
  depends_on macos: :ventura

  app "mem0tray.app"
  binary "#{appdir}/mem0tray.app/Contents/MacOS/mem0tray"

  uninstall quit: "@BUNDLE@"
end
