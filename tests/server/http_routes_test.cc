#include "server/http_routes.h"

#include <gtest/gtest.h>

#include "server/limit_hits.h"
#include "server/page.h"

namespace weft::server {
namespace {

HttpAnswer Get(std::string_view target, std::string_view method = "GET") {
  return AnswerHttp({.method = method, .target = target, .if_none_match = ""}, Health{});
}

TEST(HttpRoutes, ServeThePageAtTheRoot) {
  const HttpAnswer answer = Get("/?room=a");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content_type, "text/html; charset=utf-8");
  EXPECT_NE(answer.body().find("<html"), std::string_view::npos);
}

TEST(HttpRoutes, ServeEveryFileOfThePageUnderItsNameWithItsType) {
  ASSERT_FALSE(PageFiles().empty());
  for (const PageFile& file : PageFiles()) {
    const HttpAnswer answer = Get(file.path);
    EXPECT_EQ(answer.status, 200) << file.path;
    EXPECT_EQ(answer.body(), file.bytes);
    EXPECT_EQ(answer.content_type, file.content_type);
    EXPECT_NE(file.content_type, "application/octet-stream") << file.path;
  }
}

TEST(HttpRoutes, LetPagesOfOtherOriginsLoadTheProviderAndNothingElse) {
  const std::string_view allowed = "Access-Control-Allow-Origin: *\r\n";
  EXPECT_NE(Get("/weft-provider.js").headers.find(allowed), std::string::npos);
  EXPECT_EQ(Get("/app.js").headers.find(allowed), std::string::npos);
}

TEST(HttpRoutes, ServeTheAdminPageUnderAPolicyThatLetsNothingElseRun) {
  for (const std::string_view path : {"/admin", "/admin/index.html", "/admin/admin.js"}) {
    const HttpAnswer answer = Get(path);
    EXPECT_EQ(answer.status, 200) << path;
    for (const std::string_view part :
         {"Content-Security-Policy: default-src 'none'; script-src 'self';",
          "frame-ancestors 'none'", "require-trusted-types-for 'script'",
          "Referrer-Policy: no-referrer"}) {
      EXPECT_NE(answer.headers.find(part), std::string::npos) << path << " " << part;
    }
  }
  EXPECT_NE(Get("/admin").body().find("<title>weft admin"), std::string_view::npos);
  EXPECT_EQ(Get("/app.js").headers.find("Content-Security-Policy"), std::string::npos);
  // Its files are named relative to /admin.
  const HttpAnswer other = Get("/admin/");
  EXPECT_EQ(other.status, 308);
  EXPECT_NE(other.headers.find("Location: ../admin\r\n"), std::string::npos);
}

TEST(HttpRoutes, ServeTheScriptEditorUnderTheSamePolicy) {
  for (const std::string_view path : {"/script/", "/script/index.html", "/script/script.js"}) {
    const HttpAnswer answer = Get(path);
    EXPECT_EQ(answer.status, 200) << path;
    EXPECT_NE(answer.headers.find("Content-Security-Policy: default-src 'none';"),
              std::string::npos)
        << path;
  }
  EXPECT_NE(Get("/script/").body().find("<title>Script"), std::string_view::npos);
  // Its files are named relative to /script/.
  const HttpAnswer other = Get("/script");
  EXPECT_EQ(other.status, 308);
  EXPECT_NE(other.headers.find("Location: script/\r\n"), std::string::npos);
}

TEST(HttpRoutes, AnswerThatNothingChangedToWhoHasTheFile) {
  const PageFile& file = PageFiles().front();
  const HttpAnswer answer =
      AnswerHttp({.method = "GET", .target = file.path, .if_none_match = file.etag}, Health{});
  EXPECT_EQ(answer.status, 304);
  EXPECT_TRUE(answer.body().empty());
  EXPECT_EQ(RenderHead(answer, true).find("Content-Length"), std::string::npos);
}

TEST(HttpRoutes, SayHowTheServerIs) {
  const HttpAnswer answer =
      AnswerHttp({.method = "GET", .target = "/health", .if_none_match = ""},
                 Health{.rooms = 2, .connections = 3, .log_commits = 4, .log_appends = 5});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content_type, "application/json");
  EXPECT_NE(answer.text.find(R"("status":"ok")"), std::string::npos);
  EXPECT_NE(answer.text.find(R"("relay":"committed","rooms":2,"connections":3)"),
            std::string::npos);
  EXPECT_NE(answer.text.find(R"("commits":4,"appends":5)"), std::string::npos);
  const HttpAnswer other = AnswerHttp({.method = "GET", .target = "/health", .if_none_match = ""},
                                      Health{.relay = RelayMoment::kAccepted});
  EXPECT_NE(other.text.find(R"("relay":"accepted")"), std::string::npos);
}

TEST(HttpRoutes, TellHowOftenEachLimitWasReached) {
  LimitHits hits;
  hits.Hit(Limit::kMessageBytes, "a test");
  hits.Hit(Limit::kCloseTimeout, "a test");
  hits.Hit(Limit::kCloseTimeout, "a test");
  const HttpAnswer answer = AnswerHttp({.method = "GET", .target = "/health", .if_none_match = ""},
                                       Health{.queued_bytes = 7, .limits = hits.ToJson()});
  EXPECT_NE(answer.text.find(R"("queued_bytes":7,"limits":{"max-message-bytes":1,)"),
            std::string::npos)
      << answer.text;
  EXPECT_NE(answer.text.find(R"("close-timeout-ms":2},"refused":)"), std::string::npos)
      << answer.text;
}

TEST(HttpRoutes, ReportALogThatTakesNothingMore) {
  const HttpAnswer answer = AnswerHttp({.method = "GET", .target = "/health", .if_none_match = ""},
                                       Health{.log_error = "fsync \"failed\""});
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(answer.text.find(R"("error":"fsync \"failed\"")"), std::string::npos);
}

TEST(HttpRoutes, KnowNoOtherPathsAndMethods) {
  EXPECT_EQ(Get("/notes").status, 404);
  EXPECT_EQ(Get("/../server/page.h").status, 404);
  const HttpAnswer post = Get("/health", "POST");
  EXPECT_EQ(post.status, 405);
  EXPECT_NE(post.headers.find("Allow: GET, HEAD"), std::string::npos);
  EXPECT_EQ(Get("/", "HEAD").status, 200);
}

TEST(HttpRoutes, RenderLengthAndConnection) {
  const std::string head = RenderHead(PlainAnswer(404, "no"), false);
  EXPECT_EQ(head.rfind("HTTP/1.1 404 Not Found\r\n", 0), 0U);
  EXPECT_NE(head.find("\r\nContent-Length: 3\r\n"), std::string::npos);
  EXPECT_NE(head.find("\r\nConnection: close\r\n\r\n"), std::string::npos);
}

}  // namespace
}  // namespace weft::server
