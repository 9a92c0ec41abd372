# A template: `packaging/homebrew.py` fills in @…@ for a bundle, and writes it into dist/.
cask "mem0tray-app" do
  version "@VERSION@"
  sha256 "@SHA256@"

  url "@URL@"
  name "mem0tray"
  desc "Takes memories from coding agents to your Mem0 server, and loses none"
  homepage "@HOME@"

  conflicts_with formula: "mem0tray"
  depends_on macos: :big_sur

  app "mem0tray.app"

  uninstall quit: "@BUNDLE@"
end
