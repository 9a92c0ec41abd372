# A template: `packaging/build wheel` fills in @…@, and writes it into dist/.
class Mem0tray < Formula
  include Language::Python::Virtualenv

  desc "Takes memories from coding agents to your Mem0 server, and loses none"
  homepage "@HOME@"
  url "@URL@"
  sha256 "@SHA256@"
  license all_of: ["MIT", "0BSD"]

  depends_on "pillow" # compiled once, for all who need it
  depends_on "python@3.13"

  # @RESOURCES@

  def install
    virtualenv_install_with_resources # links the manual page as well
    generate_completions_from_executable(bin/"mem0tray", "completion")
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/mem0tray --version")
  end
end
