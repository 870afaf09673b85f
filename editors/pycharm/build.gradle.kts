// gradle buildPlugin: build/distributions/flor-pycharm-*.zip. It needs Gradle 9 on Java 17 or later, and the network.

plugins {
  java
  id("org.jetbrains.intellij.platform") version "2.18.1"
}

group = "org.flor"
version = providers.gradleProperty("pluginVersion").get()

repositories {
  mavenCentral()
  intellijPlatform { defaultRepositories() }
}

dependencies {
  intellijPlatform {
    pycharmCommunity(providers.gradleProperty("platformVersion")) { useInstaller = false }
    bundledPlugin("PythonCore")
    plugin("com.redhat.devtools.lsp4ij:${providers.gradleProperty("lsp4ijVersion").get()}")
    pluginVerifier()
    zipSigner()
  }
  testImplementation("org.junit.jupiter:junit-jupiter:5.9.2")
  testRuntimeOnly("org.junit.platform:junit-platform-launcher")
}

java { toolchain { languageVersion = JavaLanguageVersion.of(21) } }

tasks.withType<JavaCompile> { options.release = 17 }

tasks.test {
  useJUnitPlatform()
  systemProperty("java.awt.headless", "true")
  // An interpreter that has Flor: PYTHON=../../.venv/bin/python gradle test
  environment("PYTHON", providers.environmentVariable("PYTHON").getOrElse("python3"))
}

intellijPlatform {
  pluginConfiguration {
    ideaVersion {
      sinceBuild = "242"
      untilBuild = provider { null } // an update of the IDE does not put the plugin out of use
    }
  }
  signing { // gradle signPlugin, with these in the environment
    certificateChain = providers.environmentVariable("CERTIFICATE_CHAIN")
    privateKey = providers.environmentVariable("PRIVATE_KEY")
    password = providers.environmentVariable("PRIVATE_KEY_PASSWORD")
  }
  publishing { token = providers.environmentVariable("PUBLISH_TOKEN") }
  pluginVerification { ides { recommended() } } // gradle verifyPlugin
}
