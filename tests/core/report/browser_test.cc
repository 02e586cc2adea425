// The page in a real browser, without a display or a network: are the charts drawn, and is the
// console silent? Skipped with one line where there is no chromium.

#include <cstdlib>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>
#include <signal.h>

#include "core/base/units.h"
#include "core/io/file.h"
#include "core/io/subprocess.h"
#include "core/report/html_writer.h"
#include "core/report/table_page.h"
#include "tests/core/report/sample.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr double kPatienceSeconds = 120;

fs::path FindBrowser() {
  for (const char* candidate :
       {"/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"}) {
    if (fs::exists(candidate)) return candidate;
  }
  return {};
}

std::size_t Count(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
    ++count;
  return count;
}

class BrowserTest : public testing::Test {
 protected:
  /// The page's elements after its scripts ran, and what they wrote to the console.
  void Open(const Report& report, const std::string& window,
            const std::vector<std::string>& flags = {}, const std::string& script = "") {
    const auto assets = LoadHtmlAssets(REPRO_REPORTS);
    ASSERT_TRUE(assets) << assets.error().message;
    OpenPage(WriteHtml(report, *assets), window, flags, script);
  }
  void OpenPage(const Result<std::string>& page, const std::string& window,
                const std::vector<std::string>& flags = {}, const std::string& script = "") {
    ASSERT_TRUE(page) << page.error().message;
    ASSERT_TRUE(PutFile(folder_ / "page.html", *page + script));
    SubprocessOptions options;
    options.program = FindBrowser();
    options.arguments = {"--headless=new",
                         "--no-sandbox",
                         "--disable-gpu",
                         "--hide-scrollbars",
                         "--user-data-dir=" + (folder_ / "profile").string(),
                         "--window-size=" + window,
                         "--enable-logging=stderr",
                         "--virtual-time-budget=3000",
                         "--dump-dom"};
    options.arguments.insert(options.arguments.end(), flags.begin(), flags.end());
    options.arguments.push_back("file://" + (folder_ / "page.html").string());
    options.stdout_file = folder_ / "dom.html";
    options.stderr_file = folder_ / "stderr.txt";
    auto browser = Subprocess::Start(options);
    ASSERT_TRUE(browser) << browser.error().message;
    const double start = SteadySeconds();
    while (true) {
      const auto exit = browser->Poll();
      ASSERT_TRUE(exit);
      if (exit->has_value()) break;
      if (SteadySeconds() - start > kPatienceSeconds) {
        browser->Signal(SIGKILL);
        FAIL() << "the browser did not end within " << kPatienceSeconds << " s";
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    dom_ = ReadFile(folder_ / "dom.html").value_or("");
    log_ = ReadFile(folder_ / "stderr.txt").value_or("");
  }

  const TempFolder temp_;
  const fs::path folder_ = temp_.path();
  std::string dom_, log_;
};

TEST_F(BrowserTest, DrawsEveryChartWithoutAnError) {
  if (FindBrowser().empty()) GTEST_SKIP() << "no chromium: the page is not looked at";
  Open(BuildReport(SampleInputs({.xnli_moves = true})), "1200,900");
  EXPECT_EQ(Count(dom_, "<svg xmlns="), 3u) << "one drawing a figure";
  // Symbols of the first figure alone: 15 bars of the paper, 9 means, 27 seeds, 12 controls, 1
  // stated value.
  EXPECT_GT(
      Count(dom_, "aria-roledescription=\"symbol mark container\"") + Count(dom_, "mark-symbol"),
      5u);
  EXPECT_GT(Count(dom_, "<path"), 150u);
  EXPECT_NE(dom_.find("Paper: XNLI accuracy, %"), std::string::npos);
  EXPECT_NE(dom_.find("read off the figure, ± 0.34</text>"), std::string::npos);
  EXPECT_NE(dom_.find(">wiki100</text>"), std::string::npos);
  EXPECT_EQ(log_.find("CONSOLE"), std::string::npos) << log_;
}

TEST_F(BrowserTest, StacksThePanelsOnAPhone) {
  if (FindBrowser().empty()) GTEST_SKIP() << "no chromium: the page is not looked at";
  const Report report = BuildReport(SampleInputs({.xnli_moves = true}));
  const auto height = [&] {
    const std::size_t svg = dom_.find("<svg xmlns=");
    const std::size_t at = dom_.find("height=\"", svg);
    return std::atoi(dom_.c_str() + at + 8);
  };
  Open(report, "1200,900");
  const int wide = height();
  fs::remove(folder_ / "dom.html");
  Open(report, "500,900");
  const int narrow = height();
  EXPECT_GT(wide, 300);
  EXPECT_GT(narrow, wide + 150) << "two panels below each other";
  EXPECT_EQ(log_.find("CONSOLE"), std::string::npos) << log_;
}

TEST_F(BrowserTest, ShowsTheValuesOfAPointUnderThePointer) {
  if (FindBrowser().empty()) GTEST_SKIP() << "no chromium: the page is not looked at";
  const char* script =
      "<script>var dot = document.querySelector('.plot .dots path');"
      "var box = dot.getBoundingClientRect();"
      "dot.dispatchEvent(new MouseEvent('mousemove', {bubbles: true, clientX: box.x + 2, clientY: "
      "box.y + 2}));"
      "</script>";
  Open(BuildReport(SampleInputs({.xnli_moves = true})), "1200,900", {}, script);
  EXPECT_NE(dom_.find("low (mean of sw, ur)\nxlm7: 62.9 % ± 0.34, read off the figure</div>"),
            std::string::npos)
      << dom_.substr(dom_.find("class=\"tip\""), 300);
  EXPECT_EQ(log_.find("CONSOLE"), std::string::npos) << log_;
}

TEST_F(BrowserTest, DrawsTheSharesOfAPageOfTables) {
  if (FindBrowser().empty()) GTEST_SKIP() << "no chromium: the page is not looked at";
  TablePage page;
  page.title = "funnel";
  page.chart = ShareBars{.classes = {"kept", "dropped by length"},
                         .bars = {{.name = "en", .whole = 100, .parts = {75, 25}},
                                  {.name = "<b>sw</b>", .whole = 8, .parts = {8, 0}}}};
  page.show_part = &FormatBytes;
  page.tables = {{.title = "Table", .about = "", .columns = {{"A"}}, .rows = {{{"<i>x", "y"}}}}};
  const auto assets = LoadHtmlAssets(REPRO_REPORTS);
  ASSERT_TRUE(assets) << assets.error().message;
  OpenPage(WriteTablePage(page, *assets), "1200,900");
  EXPECT_EQ(Count(dom_, "<svg xmlns="), 1u);
  EXPECT_NE(dom_.find(">&lt;b&gt;sw&lt;/b&gt;</text>"), std::string::npos);
  EXPECT_NE(dom_.find(">75%</text>"), std::string::npos);
  EXPECT_NE(dom_.find("<td>&lt;i&gt;x <span class=\"range\">y</span></td>"), std::string::npos);
  const std::size_t shares = dom_.find("shares\"");
  ASSERT_NE(shares, std::string::npos);
  EXPECT_EQ(Count(dom_.substr(shares, dom_.find("</g>", shares) - shares), "<path"), 3u);
  EXPECT_EQ(log_.find("CONSOLE"), std::string::npos) << log_;
}

TEST_F(BrowserTest, FollowsTheDarkTheme) {
  if (FindBrowser().empty()) GTEST_SKIP() << "no chromium: the page is not looked at";
  const Report report = BuildReport(SampleInputs());
  Open(report, "1200,900", {"--blink-settings=preferredColorScheme=0"});
  EXPECT_NE(dom_.find("#fb923c"), std::string::npos)
      << "dark colour of the first series in the drawing";
}

}  // namespace
}  // namespace repro
